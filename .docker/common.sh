# What backup and restore share. They run in the folder of docker-compose.yml, whoever calls them from where.

say() { printf '%s: %s\n' "${0##*/}" "$*"; }
fail() {
  say "$*" >&2
  exit 1
}

# The plugin, or the program of its own that Compose was up to 1.29.
if docker compose version >/dev/null 2>&1; then
  compose() { docker compose "$@"; }
else
  compose() { docker-compose "$@"; }
fi

# SQL from standard input, in the database that is named.
sql_in() {
  compose exec -T postgres psql --username=secondread --dbname="$1" --no-psqlrc --quiet --tuples-only --no-align \
    --set=ON_ERROR_STOP=1
}

# "public.cases_case 12", a line for each table of the dump on standard input: COPY's own lines, counted.
rows_dumped() {
  compose exec -T postgres pg_restore --data-only --file=- |
    awk '!table && /^COPY / { table = $2; rows = 0; next }
         table && $0 == "\\." { print table, rows; table = ""; next }
         table { rows++ }' |
    LC_ALL=C sort
}

# The same of a database, asked table by table.
rows_stored() {
  sql_in "$1" <<'SQL' | LC_ALL=C sort
SELECT format('%I.%I ', schemaname, tablename) || (xpath('/row/n/text()',
         query_to_xml(format('SELECT count(*) AS n FROM %I.%I', schemaname, tablename), false, true, '')))[1]
  FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema');
SQL
}
