"""What the benchmark of the worklist measures: pages, REST, and what a reader writes, over one study."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.test import Client

from cases.blinding import held_back_from
from cases.models import Case, Prediction, Review
from cases.permissions import visible_to
from cases.worklist import reading_queue

if TYPE_CHECKING:
    from docs.benchmarks.many_cases import Study
    from portal.accounts.models import User

# So many reviews are fetched by an export that is narrowed to a few days.
WINDOW = 60
READ = {
    "worklist": "/cases/",
    "… open ones": "/cases/?state=open",
    "… one cohort": "/cases/?cohort={cohort}",
    "… behind the middle": "/cases/?after={middle}",
    "… before the oldest": "/cases/?before={oldest}",
    "… oldest first": "/cases/?sort=received",
    "… most urgent first": "/cases/?sort=-priority",
    "… least urgent first": "/cases/?sort=priority",
    "… by code": "/cases/?sort=code",
    "… by code, from the end": "/cases/?sort=-code",
    "… by state": "/cases/?sort=state",
    "… by state, open last": "/cases/?sort=-state",
    "… least certain first": "/cases/?sort=certainty",
    "… most certain first": "/cases/?sort=-certainty",
    "… of one class": "/cases/?found=meningioma",
    "… below 60 %": "/cases/?uncertain=60",
    "… refused by the gate": "/cases/?gate=refused",
    "… urgent": "/cases/?priority=1",
    "… of the last 30 days": "/cases/?age=-30",
    "… older than 30 days": "/cases/?age=%2B30",
    "… given to me": "/cases/?assigned=me",
    "… given to nobody": "/cases/?assigned=nobody",
    "… read by me now": "/cases/?claimed=me",
    "… read by nobody now": "/cases/?claimed=nobody",
    "… waiting for me": "/cases/?awaits=me",
    "… analysed": "/cases/?analysis=succeeded",
    "… failed analyses": "/cases/?analysis=failed",
    "… a whole code": "/cases/?text={middle}",
    "… the beginning of a code": "/cases/?text={beginning}",
    "… live states of its rows": "/cases/live/?c={middle}&c={oldest}",
    "case page": "/cases/{middle}/",
    "REST: cases": "/api/v1/cases/",
    "REST: open cases": "/api/v1/cases/?state=open",
    "REST: failed analyses": "/api/v1/cases/?job_status=failed",
    "REST: one case": "/api/v1/cases/{middle}/",
}
# As the study's administrator, who may export.
MANAGED = {
    "administrator's worklist": "/cases/",
    "export: a page": "/api/v1/reviewed-cases/?page_size=50",
    "export: a page of one cohort": "/api/v1/reviewed-cases/?page_size=50&cohort=Cohort 1",
    "export: a page of one verdict": "/api/v1/reviewed-cases/?page_size=50&verdict=agree",
    "export: CSV of a few days": "/api/v1/reviewed-cases/?format=csv&{days}",
    "export: NDJSON of a few days": "/api/v1/reviewed-cases/?format=ndjson&{days}",
    "dashboard": "/dashboard/?cohort={cohort}",
}
WRITTEN = ("open a case to read", "submit a review", "make it final", "REST: a review")


@dataclass(frozen=True)
class Act:
    """What is measured, and what has to be done before."""

    do: Callable[[], object]
    prepare: Callable[[], object] = lambda: None


def acts_of(study: Study) -> dict[str, Act]:
    """Everything that is measured, by its title."""
    clients = {user: _client(user) for user in (study.reader, study.head)}
    named = _named(study)
    pages = {
        title: Act(_opened(clients[user], address.format(**named)))
        for user, addresses in ((study.reader, READ), (study.head, MANAGED))
        for title, address in addresses.items()
    }
    oldest_first = Case.objects.filter(state="open").order_by("created_at", "id")
    behind = oldest_first[oldest_first.count() // 2]
    queue = {
        "next case": Act(lambda: reading_queue.next_case(study.reader)),
        "next case behind another": Act(lambda: reading_queue.next_case(study.reader, behind)),
    }
    return pages | queue | _written(clients[study.reader], _waiting(study))


def _client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def _named(study: Study) -> dict[str, str]:
    """What the addresses name."""
    newest_first = list(Case.objects.filter(cohort=study.cohorts[0]).values_list("code", flat=True))
    given = list(Review.objects.order_by("created_at", "id").values_list("created_at", flat=True))
    first = len(given) // 2 if len(given) > 2 * WINDOW else 0
    last = min(first + WINDOW, len(given) - 1)
    days = f"since={given[first]:%Y-%m-%dT%H:%M:%S.%fZ}&until={given[last]:%Y-%m-%dT%H:%M:%S.%fZ}"
    return {
        "cohort": str(study.cohorts[0].pk),
        "middle": newest_first[len(newest_first) // 2],
        "beginning": newest_first[len(newest_first) // 2][:6],
        "oldest": newest_first[-1],
        "days": days,
    }


def _waiting(study: Study) -> Iterator[Case]:
    """Cases that wait for the reader and show a class at once, each of them once."""
    openly = visible_to(study.reader).filter(cohort__in=study.cohorts[:-1], key_gate="accepted")
    openly = openly.exclude(held_back_from(study.reader))
    return iter(list(reading_queue.waits_for(study.reader, openly).order_by("created_at", "id")[:200]))


def _opened(client: Client, address: str) -> Callable[[], object]:
    def open_it() -> object:
        return _checked(client.get(address), 200)

    return open_it


def _checked(answer: Any, status: int) -> object:
    """What came, to its end."""
    if answer.status_code != status:
        raise SystemExit(f"{answer.request['PATH_INFO']} answers {answer.status_code}, not {status}")
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def _written(client: Client, waiting: Iterator[Case]) -> dict[str, Act]:
    """What a reader does with one case after the other."""
    hand: dict[str, Case] = {}
    said_of: dict[str, dict[str, str]] = {}

    def take() -> None:
        hand["case"] = next(waiting)

    def said() -> dict[str, str]:
        prediction = Prediction.objects.get(image__case=hand["case"])
        return {"prediction": str(prediction.pk), "verdict": "agree", "confidence": "4"}

    def send(address: str, status: int) -> Callable[[], object]:
        def send_it() -> object:
            to, body = address.format(hand["case"].code), said_of["case"]
            if "/api/" in address:
                return _checked(client.post(to, body, content_type="application/json"), status)
            return _checked(client.post(to, body), status)

        return send_it

    def open_it() -> object:
        return _checked(client.get(f"/cases/{hand['case'].code}/"), 200)

    def look() -> None:
        said_of["case"] = said()

    def take_and_look() -> None:
        take()
        look()

    return {
        "open a case to read": Act(open_it, take),
        "submit a review": Act(send("/cases/{}/", 302), look),
        "make it final": Act(send("/cases/{}/finish/", 302)),
        "REST: a review": Act(send("/api/v1/cases/{}/reviews/", 201), take_and_look),
    }
