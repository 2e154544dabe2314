"""How each family writes a task: in its record, and in its callbacks. Pure.

A market record says `state`, the others `successFlag`, `status` or a state of their own; callbacks name the task
`taskId` or `task_id`. The body of a callback means no more than a hint, but it is written as the provider writes it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.sandbox.records import Task

Json = dict[str, Any]
FLAGGED: Final = "501"
"""The code of a failure by the safety filter."""

ENDED: Final = ("success", "fail")
SUNO: Final = {"waiting": "PENDING", "queuing": "PENDING", "generating": "TEXT_SUCCESS", "success": "SUCCESS"}
RUNWAY: Final = {"waiting": "wait", "queuing": "queueing"}


@dataclass(frozen=True, slots=True)
class Story:
    """A task as it is told now: its state, and when it has ended its results or why there are none."""

    task: Task
    state: str
    now: float
    urls: Sequence[str] = ()
    text: str = ""
    problem: str = ""

    @property
    def flag(self) -> int:
        """`successFlag`: under way, done, failed by our input, failed at the provider."""
        if self.state == "success":
            return 1
        if self.state == "fail":
            return 2 if self.task.fail_code in ("400", "422", FLAGGED) else 3
        return 0

    @property
    def code(self) -> int | None:
        """The error code as a number."""
        return int(self.task.fail_code) if self.state == "fail" else None


def _market(story: Story) -> Json:
    task, done = story.task, story.task.completed
    ready = story.state == "success" and (story.urls or story.text)
    result: Json = {"resultObject": {"text": story.text}} if story.text else {"resultUrls": list(story.urls)}
    return {
        "taskId": task.id,
        "model": task.model,
        "state": story.state,
        "param": task.param,
        "resultJson": json.dumps(result) if ready else "",
        "failCode": task.fail_code if story.state == "fail" else None,
        "failMsg": story.problem or None,
        "costTime": _ms(done) - _ms(task.created) if done else None,
        "completeTime": _ms(done) if done else None,
        "createTime": _ms(task.created),
        "updateTime": _ms(done or story.now),
        "creditsConsumed": task.credits if done else None,
        "progress": {"waiting": 0, "queuing": 10, "generating": 50}.get(story.state, 100),
    }


def _flagged(story: Story, response: Json) -> Json:
    done = story.task.completed
    return {
        "taskId": story.task.id,
        "paramJson": story.task.param,
        "completeTime": _ms(done) if done else None,
        "response": response if story.state == "success" else None,
        "successFlag": story.flag,
        "errorCode": story.code,
        "errorMessage": story.problem,
        "createTime": _ms(story.task.created),
    }


def _veo(story: Story) -> Json:
    response = {"taskId": story.task.id, "resultUrls": list(story.urls), "originUrls": None, "resolution": "720p"}
    return _flagged(story, response) | {"fallbackFlag": False}


def _gpt4o(story: Story) -> Json:
    status = {0: "GENERATING", 1: "SUCCESS"}.get(story.flag, "GENERATE_FAILED")
    progress = "1.00" if story.state in ENDED else "0.50"
    return _flagged(story, {"resultUrls": list(story.urls)}) | {"status": status, "progress": progress}


def _kontext(story: Story) -> Json:
    return _flagged(story, {"originImageUrl": None, "resultImageUrl": next(iter(story.urls), None)})


def _suno(story: Story) -> Json:
    failed = "SENSITIVE_WORD_ERROR" if story.task.fail_code == FLAGGED else "GENERATE_AUDIO_FAILED"
    tracks = [
        {"id": f"{story.task.id}-{number}", "audioUrl": url, "title": story.task.prompt[:80], "duration": 5.76}
        for number, url in enumerate(story.urls)
    ]
    return {
        "taskId": story.task.id,
        "parentMusicId": "",
        "param": story.task.param,
        "response": {"taskId": story.task.id, "sunoData": tracks} if story.state == "success" else None,
        "status": failed if story.state == "fail" else SUNO[story.state],
        "type": "GENERATE",
        "errorCode": story.code,
        "errorMessage": story.problem or None,
    }


def _runway(story: Story) -> Json:
    video = {"videoId": story.task.id, "taskId": story.task.id, "videoUrl": next(iter(story.urls), None)}
    return {
        "taskId": story.task.id,
        "parentTaskId": "",
        "generateParam": json.loads(story.task.param),
        "state": RUNWAY.get(story.state, story.state),
        "generateTime": _ms(story.task.completed or story.now),
        "videoInfo": video if story.state == "success" else None,
        "expireFlag": 0,
        "failCode": story.code,
        "failMsg": story.problem or None,
    }


RECORDS: Final[Mapping[str, Callable[[Story], Json]]] = {
    "market": _market,
    "veo": _veo,
    "suno": _suno,
    "runway": _runway,
    "gpt4o": _gpt4o,
    "kontext": _kontext,
}
"""The data of a record, by family."""


def callback(story: Story, stage: str = "complete") -> Json:
    """Return the body of a callback; `stage` is for the family that tells of several."""
    failed = story.state == "fail"
    task_id, urls = story.task.id, list(story.urls)
    body: Json = {"code": 501 if failed else 200, "msg": story.problem or "Task completed successfully."}
    match story.task.family:
        case "market":
            return body | {"data": _market(story)}
        case "suno":
            tracks = [{"id": f"{task_id}-{number}", "audio_url": url} for number, url in enumerate(urls)]
            return body | {"data": {"callbackType": "error" if failed else stage, "task_id": task_id, "data": tracks}}
        case "runway":
            return body | {"data": {"task_id": task_id, "video_id": task_id, "video_url": next(iter(urls), "")}}
        case _:
            return body | {"data": {"taskId": task_id, "info": {"resultUrls": urls} if urls else None}}


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
