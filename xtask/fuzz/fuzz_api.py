"""Calls every operation that the server's own OpenAPI description names, with what schemathesis makes of it.

No answer may be a 5xx, none may be other than the description says. Ids and names in paths are, three times of four, those
that earlier answers held, so that calls reach what is behind the look-up of a thing. The same seed gives the same calls.

Usage: fuzz_api.py URL WORKSPACE_ID CASES_MIN, with the key in NICTATE_API_KEY.
"""

import os
import re
import sys
import time
from collections import defaultdict

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SEED = 20_261_126
CASES_PER_OPERATION = 25
# Of an answer that never comes.
TIMEOUT_SECONDS = 20
# Things of one kind that are remembered.
KNOWN_MAX = 30
# Times that a call is made which is told to come back, and the longest wait for it: places for runs are free again at once,
# sign-in after many wrong passwords is not.
TRIES_MAX = 3
WAIT_SECONDS_MAX = 1.0
# Not called: the link of runners, which is no request and answer; the end of the key that all of this speaks with.
LEFT_OUT = {"RunnerLink", "RemoveAPIKey"}
# Reading comes first, so that something is known; ends come last.
ORDER = ["get", "post", "put", "patch", "delete"]
QUERIES = [
    '{"limit": 3, "offset": 1}',
    '{"filter": {"name": {"$like": "%a%"}}, "ci": true}',
    '{"search": {"text": "a", "fields": ["name"]}, "sort": ["-name"]}',
    '{"select": ["id"]}',
]

WORKFLOW = """name: fuzzed
workflow:
  - section: Steps
    steps:
      - {id: S1, action: core.bash, inputs: {code: echo hello}}
"""


class Server:
    def __init__(self, url: str, workspace: str, key: str) -> None:
        self.url = f"{url}/api/v1"
        self.workspace = workspace
        self.session = requests.Session()
        self.session.headers["BLINK-API-KEY"] = key
        # Kind of thing (the word before it in a path) -> what is known to be there.
        self.known: dict[str, list[str]] = defaultdict(list)
        self.cases = 0
        self.statuses: dict[int, int] = defaultdict(int)

    def settle(self) -> None:
        """Something of the kinds that lists begin empty without."""
        table = {
            "display_name": "Fuzzed",
            "options": ["with_default_fields"],
            "fields": [{"display_name": "Level", "type": "single-select", "attributes": {"options": ["low", "high"]}}],
        }
        self.make("/table", table)
        self.known["table"].append("fuzzed")
        self.known["fields"] += ["name", "number", "level"]
        for number in range(3):
            record = self.make("/table/fuzzed", {"name": f"row {number}", "number": number})
            self.known["table/fuzzed"].append(record if isinstance(record, str) else record["id"])
        workflow = self.make("/playbooks/ui", {"name": "fuzzed", "playbook": WORKFLOW})["id"]
        self.make(f"/playbooks/{workflow}/public", {"playbook": WORKFLOW, "branched_from": 0, "source": "manual"})
        self.known["playbooks"].append(workflow)
        run = self.make(f"/playbooks/{workflow}/execute?run_sync=false", {})["execution_id"]
        self.known["executions"].append(run)
        self.known["workspaces"].append(self.workspace)

    def make(self, path: str, body: dict):
        response = self.session.post(f"{self.url}/workspace/{self.workspace}{path}", json=body, timeout=TIMEOUT_SECONDS)
        assert response.ok, f"{path}: {response.status_code} {response.text}"
        return response.json()

    def learn(self, path: str, answer: object) -> None:
        """Remembers the ids that a list or a new thing has, under the last fixed word of its path."""
        words = [word for word in re.sub(r"^/workspace/[^/]*", "", path).split("/") if word and word[0] != "{"]
        if not words:
            return
        rows = answer.get("results", answer) if isinstance(answer, dict) else answer
        rows = rows if isinstance(rows, list) else [rows]
        known = self.known[words[-1]]
        for row in rows[:3]:
            found = row.get("id") if isinstance(row, dict) else None
            if isinstance(found, str) and found and found not in known and len(known) < KNOWN_MAX:
                known.append(found)

    def place(self, case: schemathesis.Case, choice: int) -> None:
        """Puts into the path what is there, three times of four."""
        if choice % 4 == 3 or not case.path_parameters:
            return
        before = ""
        for word in case.path.split("/"):
            name = word[1:-1] if word.startswith("{") else None
            if name == "ws_id":
                case.path_parameters[name] = self.workspace
            elif name in case.path_parameters:
                known = self.known.get(before) or self.known.get(before.rstrip("s")) or self.known.get(before + "s")
                known = (self.known["table/fuzzed"] if name == "id" and "{table}" in case.path else None) or known
                if known:
                    case.path_parameters[name] = known[(choice // 4) % len(known)]
            else:
                before = word
        if "q" in (case.query or {}) and choice % 2 == 0:
            case.query["q"] = QUERIES[(choice // 4) % len(QUERIES)]

    def call(self, case: schemathesis.Case, choice: int) -> None:
        self.place(case, choice)
        for _ in range(TRIES_MAX):
            response = case.call(base_url=self.url, session=self.session, timeout=TIMEOUT_SECONDS)
            self.cases += 1
            self.statuses[response.status_code] += 1
            wait = float(response.headers.get("retry-after", ["0"])[0])
            if response.status_code != 429 or wait > WAIT_SECONDS_MAX:
                break
            time.sleep(wait)
        if not is_honest(response):
            case.validate_response(response, checks=CHECKS)
        if response.status_code == 200 and case.method in ("GET", "POST"):
            try:
                self.learn(case.path, response.json())
            except ValueError:
                pass


def is_honest(response) -> bool:
    """Whether it says of itself that the thing cannot be done as yet, which is a 5xx but no failure."""
    return response.status_code == 501 and response.json()["identifier"] == "not_available_yet"


def fuzz(server: Server, operation) -> BaseException | None:
    @seed(SEED)
    @settings(
        max_examples=CASES_PER_OPERATION,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), choice=st.integers(0, 4 * KNOWN_MAX - 1))
    def cases(case, choice):
        server.call(case, choice)

    try:
        cases()
    except (Exception, FailureGroup) as failure:  # whatever it is, it is of this operation
        return failure
    return None


def main() -> int:
    url, workspace, cases_min = sys.argv[1], sys.argv[2], int(sys.argv[3])
    server = Server(url, workspace, os.environ["NICTATE_API_KEY"])
    server.settle()
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    # As the contract's page does, ours names the statuses of an operation's own; every other answers the same error.
    error = {"$ref": "#/components/schemas/api_responses.ErrorWrapper"}
    for methods in schema.raw_schema["paths"].values():
        for operation in methods.values():
            content = {"application/json": {"schema": error}}
            operation["responses"]["default"] = {"description": "Any other error", "content": content}
    # The contract's own page says `object` of a value that is anything, most often a text.
    attribute = schema.raw_schema["components"]["schemas"]["models.ConnectionAttribute"]
    assert attribute["properties"]["value"].pop("type") == "object"
    operations = [result.ok() for result in schema.get_all_operations()]
    operations = [one for one in operations if one.definition.raw["operationId"] not in LEFT_OUT]
    operations.sort(key=lambda one: ORDER.index(one.method.lower()))
    failed = 0
    for operation in operations:
        failure = fuzz(server, operation)
        if failure is not None:
            failed += 1
            print(f"--- {operation.method.upper()} {operation.path}\n{failure}\n")
    statuses = ", ".join(f"{status}: {count}" for status, count in sorted(server.statuses.items()))
    print(f"{len(operations)} operations, {server.cases} calls ({statuses}), {failed} operations failed")
    if server.session.get(f"{server.url}/apikey", timeout=TIMEOUT_SECONDS).status_code != 200:
        print("the key is no longer good: the calls after its end said nothing")
        return 1
    if server.cases < cases_min:
        print(f"that is fewer than {cases_min} calls")
        return 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
