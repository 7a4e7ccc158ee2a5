"""What every Python step begins with: loaded once by the warm interpreter, before any step is known.

A step's code sees the run as `context`. What it returns at its top level, and the variables that it has changed, go
back as one JSON document.
"""

import ast
import builtins
import dataclasses
import datetime
import decimal
import enum
import ipaddress
import json
import linecache
import pathlib
import re
import uuid

FILE = "<step>"
ROOTS = ("inputs", "steps", "variables", "event", "metadata")
NAMED_MAX = 20
PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


class Record(dict):
    """A map whose members are attributes too. A method of `dict` stands before a member of its name."""

    __slots__ = ()

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            there = ", ".join(str(key) for key in list(self)[:NAMED_MAX]) or "nothing"
            raise AttributeError(f"there is no `{name}` here; there is: {there}") from None

    def __setattr__(self, name, value):
        self[name] = value

    def __delattr__(self, name):
        try:
            del self[name]
        except KeyError:
            raise AttributeError(f"there is no `{name}` here") from None


def plain(value):
    """What JSON has no form for, as the nearest that it has."""
    if isinstance(value, (set, frozenset)):
        try:
            return sorted(value)
        except TypeError:
            return list(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (decimal.Decimal, uuid.UUID, pathlib.PurePath)):
        return str(value)
    if isinstance(value, (ipaddress.IPv4Address, ipaddress.IPv6Address, ipaddress.IPv4Network, ipaddress.IPv6Network)):
        return str(value)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if hasattr(value, "__next__") or isinstance(value, (type({}.keys()), type({}.values()), type({}.items()))):
        return list(value)
    raise TypeError(f"a value of type `{type(value).__name__}` has no form in JSON")


def encode(value):
    return json.dumps(value, default=plain, allow_nan=False, ensure_ascii=False)


def load(document):
    return json.loads(document, object_hook=Record) if document else Record()


def has_return(statements):
    """Whether one of them returns from where they stand, not from a function among them."""
    for statement in statements:
        if isinstance(statement, ast.Return):
            return True
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        if any(has_return([child]) for child in ast.iter_child_nodes(statement)):
            return True
    return False


def in_function(tree):
    """The same program as a function, so that it may return. Its names stay those of a module."""
    future = [
        node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    ]
    body = [node for node in tree.body if node not in future]
    wrapper = ast.parse("def __step__(): pass")
    function = wrapper.body[0]
    function.body = body
    wrapper.body[:0] = future
    program = compile(wrapper, FILE, "exec")
    step = next(const for const in program.co_consts if hasattr(const, "co_varnames"))
    names = sorted({*step.co_varnames, *step.co_cellvars})
    if names:
        function.body = [ast.copy_location(ast.Global(names=names), body[0]), *body]
        program = compile(wrapper, FILE, "exec")
    return program


def execute(code, names):
    """Runs it as a module; what it returns at its top level."""
    linecache.cache[FILE] = (len(code), None, code.splitlines(True), FILE)
    tree = ast.parse(code, FILE)
    if not has_return(tree.body):
        exec(compile(tree, FILE, "exec"), names)
        return None
    exec(in_function(tree), names)
    return names.pop("__step__")()


def step(code, request):
    given = request.get("context") or {}
    context = Record((root, Record() if given.get(root) is None else given[root]) for root in ROOTS)
    before = {name: encode(value) for name, value in context.variables.items()}
    returned = execute(code, {"__name__": "__main__", "context": context})
    variables = context.get("variables")
    if not isinstance(variables, dict):
        raise TypeError("`context.variables` is no map any more")
    after = {str(name): encode(value) for name, value in variables.items()}
    changed = {name: text for name, text in after.items() if before.get(name) != text}
    changed.update((name, "null") for name in before if name not in after)
    return returned, changed


def function(code):
    """What the text means for one item: a lambda or another function, or the path of a member such as `user.name`."""
    code = code.strip()
    linecache.cache[FILE] = (len(code), None, [code], FILE)
    names = {"__name__": "__main__"}
    if PATH.fullmatch(code) and not hasattr(builtins, code):
        return lambda item: member(item, code.split("."))
    made = eval(compile(code, FILE, "eval"), names)
    if not callable(made):
        raise TypeError(f"`{code}` is no function: write `lambda item: …`")
    return made


def member(item, path):
    for name in path:
        if not isinstance(item, dict) or name not in item:
            return None
        item = item[name]
    return item


def order(key):
    """Sorts what cannot be compared with each other by kind: nothing, truth values, numbers, texts, the rest."""
    if key is None:
        return (0, 0)
    if isinstance(key, bool):
        return (1, key)
    if isinstance(key, (int, float)):
        return (2, key)
    if isinstance(key, str):
        return (3, key)
    if isinstance(key, (list, tuple)):
        return (4, [order(part) for part in key])
    return (5, encode(key))


def sort(code, request):
    key = function(code) if code.strip() else lambda item: item
    return sorted(request["items"], key=lambda item: order(key(item)), reverse=request["reverse"]), {}


def select(code, request):
    holds = function(code)
    return [item for item in request["items"] if holds(item)], {}


def find(code, request):
    holds = function(code)
    return next((item for item in request["items"] if holds(item)), None), {}


ACTIONS = {"step": step, "sort": sort, "filter": select, "find": find}


def run(code, document):
    request = load(document)
    returned, variables = ACTIONS[request["do"]](code, request)
    parts = []
    if returned is not None:
        parts.append(f'"returned":{encode(returned)}')
    if variables:
        members = ",".join(f"{encode(name)}:{text}" for name, text in variables.items())
        parts.append(f'"variables":{{{members}}}')
    return ("{" + ",".join(parts) + "}").encode("utf-8", "replace") if parts else None
