# What backup and restore share. They run in the folder of docker-compose.yml, whoever calls them from where.

# What is pasted behind a script is not for the containers to read.
exec </dev/null

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

# SQL from standard input, in the database that is named; a row is a line, its values behind one another.
sql_in() {
  compose exec -T postgres env PGOPTIONS=--client-min-messages=warning \
    psql --username=secondread --dbname="$1" --no-psqlrc --quiet --tuples-only --no-align --field-separator=' ' \
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
SELECT format('SELECT %L, count(*) FROM %s', name, name)
  FROM (SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
         WHERE schemaname NOT IN ('pg_catalog', 'information_schema')) AS tables
\gexec
SQL
}
