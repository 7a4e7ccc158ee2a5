"""The prelude for an owner who gives none: `context` is bound, and what the code leaves in `result` is returned."""

import json


def run(code, context):
    names = {"__name__": "__main__", "context": json.loads(context) if context else None}
    exec(compile(code, "<step>", "exec"), names)
    if "result" in names:
        return json.dumps(names["result"]).encode()
    return None
