"""Draw texts of the suite at random, so that a person can judge whether each is clear on the first reading.

    python -m tests.texts                    100 texts, as many of each kind as another
    python -m tests.texts --seed 7 --most 20
    python -m tests.texts --kind finding     one kind only

Read each text once. It is clear if an engineer who knows the protocol understands it without reading it again.
"""

from __future__ import annotations

import argparse
import ast
import random
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from conformance.commands import whole_parser
from conformance.contract.catalogue import catalogue
from conformance.plugin.checks import described

ROOT = Path(__file__).parents[1]
FINDINGS = ("NonConformance",)
REASONS = ("Inconclusive", "NotApplicable", "NotOffered", "NotDeclared", "NotInstalled")
MISTAKES = ("ConfigurationError", "ContractError", "RecordError", "WaiverError", "UsageMistake", "UsageError", "Failed")


def modules(*folders: str) -> Iterator[ast.Module]:
    """The parsed modules of some folders of the repository."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield ast.parse(path.read_text(encoding="utf-8"))


def raised(names: Iterable[str], *folders: str) -> Iterator[str]:
    """The texts that are given to exceptions of these names; what is inserted is shown as its expression."""
    for module in modules(*folders):
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in names:
                texts = [text(each) for each in (*node.args, *(word.value for word in node.keywords))]
                if shown := " | ".join(each for each in texts if " " in each):
                    yield shown


def text(node: ast.expr) -> str:
    """The text of a literal; nothing of any other expression."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = (each.value if isinstance(each, ast.Constant) else ast.unparse(each) for each in node.values)
        return "".join(str(each).strip("f'\"") if str(each).startswith("f'") else str(each) for each in parts)
    return ""


def explanations() -> Iterator[str]:
    """The Purpose and Method of each check."""
    for module in modules("suites"):
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                purpose, method = described(ast.get_docstring(node))
                yield " / ".join([purpose, *method])


def helps() -> Iterator[str]:
    """The descriptions of all commands, and the help of each option."""
    (commands,) = (each for each in whole_parser()._actions if isinstance(each, argparse._SubParsersAction))
    for name, command in commands.choices.items():
        yield f"{name}: {' '.join((command.description or '').split())}"
        for action in command._actions:
            if action.help and action.help != argparse.SUPPRESS:
                yield f"{name} {'/'.join(action.option_strings) or action.dest}: {action.help}"


KINDS: dict[str, Callable[[], Iterable[str]]] = {
    "promise": lambda: (f"{each.id} {each.title}" for each in catalogue().promises.values()),
    "requirement": lambda: (f"{each.id}: {each.title}" for each in catalogue().requirements.values()),
    "check": explanations,
    "finding": lambda: raised(FINDINGS, "conformance/oracles", "conformance/evidence", "conformance/models", "suites"),
    "reason": lambda: raised(REASONS, "conformance", "suites"),
    "mistake": lambda: raised(MISTAKES, "conformance"),
    "help": helps,
}


def drawn(seed: int, most: int, kinds: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Kind and text of as many texts as are wanted, dealt evenly over the kinds."""
    chosen = [*kinds]
    source = random.Random(seed)  # a sample, not a secret
    for number, kind in enumerate(chosen):
        texts = sorted({each.strip() for each in KINDS[kind]() if each.strip()})
        share = most // len(chosen) + (number < most % len(chosen))
        yield from ((kind, each) for each in source.sample(texts, min(share, len(texts))))


def main() -> int:
    """Print a sample, numbered."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--most", type=int, default=100, help="how many texts are drawn")
    options.add_argument("--kind", action="append", choices=KINDS, help="only these kinds")
    choice = options.parse_args()
    for number, (kind, shown) in enumerate(drawn(choice.seed, choice.most, choice.kind or KINDS), 1):
        print(f"{number:3}. [{kind}] {shown}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
