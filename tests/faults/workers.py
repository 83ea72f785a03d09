"""Workers that die, hang, or are given what kills them."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import uuid
from collections.abc import Callable

import psutil

from tests.faults.fault import Fault, Told
from tests.faults.stack import Stack
from tests.faults.uploads import done

ROUNDS = 10
TRIES = 20
# An attempt dies, and is found dead, three times.
THREE_LEASES = 3 * 15.0
QUEUE = "analysis"


def _kill_pool(stack: Stack) -> None:
    for child in stack.analysis.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


def _in_rounds(stack: Stack, cases: int, kill: Callable[[], None]) -> Told:
    """Kill when a job is in hand, again and again; how long that job takes then."""
    codes: list[str] = []
    worst = 0.0
    rounds = min(ROUNDS, max(1, cases // 5))
    for number in range(rounds):
        begun = stack.client.begin_many(cases // rounds + (number < cases % rounds))
        stack.wait_until(stack.at_work, 30)
        in_hand = set(stack.at_work())
        kill()
        worst = max(worst, stack.seconds_until_over(in_hand))
        codes += done(begun)
    more, seconds = stack.recovery()
    return Told(codes + more, max(worst, seconds))


def kill_children(stack: Stack, cases: int) -> Told:
    return _in_rounds(stack, cases, lambda: _kill_pool(stack))


def kill_parent(stack: Stack, cases: int) -> Told:
    def kill() -> None:
        stack.analysis.kill()
        stack.analysis.begin()

    return _in_rounds(stack, cases, kill)


def hang(stack: Stack, cases: int) -> Told:
    """One of two pool processes stands still with a job in hand; the other one takes the job."""
    codes: list[str] = []
    hung: list[psutil.Process] = []
    began = time.monotonic()
    for _ in range(TRIES):
        codes.append(stack.client.upload())
        stack.wait_until(lambda: stack.at_work() or not stack.unfinished(), 30)
        _other, second = stack.analysis.children()
        second.suspend()
        began = time.monotonic()
        # If it was not the other one that had the job in hand, it is this one, or nobody any more.
        if stack.wait_until(lambda: not stack.at_work(), 2):
            second.resume()
        else:
            hung.append(second)
            break
    stack.seconds_until_over(set(stack.at_work()))
    seconds = time.monotonic() - began
    codes += stack.client.upload_many(cases)
    stack.settle()
    for child in hung:
        with contextlib.suppress(psutil.NoSuchProcess):  # its limit of time may have ended it
            child.resume()
    more, after = stack.recovery()
    wrong = [] if hung else ["no process stood still with a job in hand"]
    return Told(codes + more, max(seconds, after), wrong=wrong)


def poison_picture(stack: Stack, cases: int) -> Told:
    """One picture kills whatever analyses it: it ends in words, and takes nothing along."""
    over = threading.Event()
    stack.analysis.kill()
    poisoned = stack.client.upload()
    job = stack.job_of(poisoned)

    def kill_whoever_takes_it() -> None:
        while not over.is_set():
            if job in stack.at_work():
                _kill_pool(stack)

    # It takes the job as soon as it is there.
    stack.analysis.begin()
    watching = threading.Thread(target=kill_whoever_takes_it)
    watching.start()
    codes = stack.client.upload_many(cases)
    seconds = stack.seconds_until_over({job})
    over.set()
    watching.join()
    more, after = stack.recovery()
    return Told([poisoned, *codes, *more], max(seconds, after), ends_in_words=1)


def poison_message(stack: Stack, cases: int) -> Told:
    """Messages of nobody's: of a task that there is not, with arguments that are none, for a job unknown."""
    begun = stack.client.begin_many(cases)
    for task, arguments in (
        ("cases.analysis.worker.nobody", []),
        ("cases.analysis.worker.analyse", []),
        ("cases.analysis.worker.analyse", ["no identifier"]),
        ("cases.analysis.worker.analyse", [str(uuid.uuid4())]),
        ("cases.analysis.worker.analyse", [{"a": 1}, 2, 3]),
    ):
        stack.broker.client.lpush(QUEUE, _message(task, arguments))
    codes = list(done(begun))
    more, seconds = stack.recovery()
    return Told(codes + more, seconds)


def message_twice(stack: Stack, cases: int) -> Told:
    """Each job's message five times more, for both pool processes at once."""
    codes = []
    for _ in range(cases):
        code = stack.client.upload()
        job = stack.job_of(code)
        stack.broker.client.lpush(QUEUE, *[_message("cases.analysis.worker.analyse", [job])] * 5)
        codes.append(code)
    more, seconds = stack.recovery()
    return Told(codes + more, seconds)


def _message(task: str, arguments: list[object]) -> bytes:
    """As Celery's second protocol has it (docs.celeryq.dev, Message Protocol)."""
    number = str(uuid.uuid4())
    body = json.dumps([arguments, {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}])
    message = {
        "body": body,
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": task, "id": number, "root_id": number, "retries": 0},
        "properties": {
            "correlation_id": number,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": QUEUE},
            "priority": 0,
            "body_encoding": "utf-8",
            "delivery_tag": number,
        },
    }
    return json.dumps(message).encode()


FAULTS = (
    Fault("worker-child", "kill -9 of the pool's processes, with a job in hand", kill_children),
    Fault("worker-parent", "kill -9 of the worker, which is started again at once", kill_parent),
    Fault("hang", "a pool process stands still with a job in hand", hang),
    Fault("poison-picture", "a picture that kills whatever analyses it", poison_picture, THREE_LEASES),
    Fault("poison-message", "messages that no task of ours takes", poison_message),
    Fault("message-twice", "each message six times", message_twice),
)
