"""The schema with its resolvers, and the execution of documents."""

from __future__ import annotations

import copy
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    OperationDefinitionNode,
    build_schema,
    default_field_resolver,
    parse,
    validate,
)

from tests.servers.wandb import edits, reads, versions, writes
from tests.servers.wandb.store import Collection, Run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from graphql import GraphQLResolveInfo

    from tests.servers.wandb.traps import Traps, Untold

SDL = Path(__file__).with_name("schema.graphql")


@lru_cache(maxsize=16)
def schema(
    dropped: tuple[str, ...] = (), untold: tuple[Untold, ...] = (), *, non_null: bool = False
) -> GraphQLSchema:
    """The schema of a server that lacks some fields and arguments, and does not tell others."""
    made = build_schema(SDL.read_text())
    for module in (reads, versions, writes, edits):
        for type_name, fields in module.RESOLVERS.items():
            for name, resolver in fields.items():
                _object(made, type_name).fields[name].resolve = resolver
    _resolve_types(made)
    if non_null:
        for field in _object(made, "Mutation").fields.values():
            field.type = GraphQLNonNull(field.type)
    for path in sorted(dropped, key=lambda path: "(" not in path):  # arguments first
        _drop(made, path)
    for one in untold:
        _silence(made, one)
    return made


def schema_of(traps: Traps) -> GraphQLSchema:
    """The schema of the server that these switches make."""
    return schema(traps.drop_fields, traps.untold, non_null=traps.non_null)


def _object(made: GraphQLSchema, name: str) -> GraphQLObjectType | GraphQLInterfaceType:
    found = made.type_map[name]
    assert isinstance(found, GraphQLObjectType | GraphQLInterfaceType)
    return found


def _resolve_types(made: GraphQLSchema) -> None:
    def name_of(value: object, *_: object) -> str:
        if isinstance(value, Collection):
            return "ArtifactSequence" if value.kind == "sequence" else "ArtifactPortfolio"
        return "Run" if isinstance(value, Run) else "User"

    for found in made.type_map.values():
        if isinstance(found, GraphQLInterfaceType | GraphQLUnionType):
            found.resolve_type = name_of


def _drop(made: GraphQLSchema, path: str) -> None:
    """Take away `Type.field` or `Type.field(argument)`, from implementations too."""
    type_name, _, rest = path.partition(".")
    name, _, argument = rest.partition("(")
    for holder in _holders(made, type_name):
        if argument:
            del holder.fields[name].args[argument.rstrip(")")]
        else:
            del holder.fields[name]


def _holders(made: GraphQLSchema, type_name: str) -> list[GraphQLObjectType | GraphQLInterfaceType]:
    """A type, and those that implement it."""
    found = _object(made, type_name)
    more = (
        made.get_implementations(found).objects if isinstance(found, GraphQLInterfaceType) else []
    )
    return [found, *more]


def _silence(made: GraphQLSchema, untold: Untold) -> None:
    """Let a field be null, or an error."""
    type_name, _, name = untold.field.partition(".")
    for holder in _holders(made, type_name):
        field = holder.fields[name]
        field.resolve = _silent(untold, field.resolve or default_field_resolver)


def _silent(untold: Untold, resolve: Callable[..., Any]) -> Callable[..., Any]:
    def answer(value: Any, info: GraphQLResolveInfo, **args: Any) -> Any:
        if untold.further and not args.get("after"):
            return resolve(value, info, **args)
        if untold.error:
            extensions = {"code": untold.code} if untold.code else None
            raise GraphQLError(untold.error, extensions=extensions)
        return None

    return answer


@lru_cache(maxsize=500)
def checked(text: str, made: GraphQLSchema) -> tuple[DocumentNode, tuple[GraphQLError, ...]]:
    """A document and what is wrong with it, in the words of W&B's server."""
    document = parse(text)
    errors = validate(made, document)
    return document, tuple(GraphQLError(_words(error.message)) for error in errors)


def _words(message: str) -> str:
    """As the Go server says it: double quotes, and its own order of words."""
    found = re.match(r"Unknown argument '(\w+)' on field '(\w+)\.(\w+)'\.", message)
    if found:
        return f'Unknown argument "{found[1]}" on field "{found[3]}" of type "{found[2]}".'
    return message.replace("'", '"')


def operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    """The operation to execute."""
    found = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    named = [one for one in found if one.name and one.name.value == name]
    return (named if name else found)[0] if (named or not name) and found else None


def root_fields(chosen: OperationDefinitionNode) -> list[str]:
    """Names of the fields at the top, in order."""
    return [one.name.value for one in chosen.selection_set.selections if isinstance(one, FieldNode)]


def errors_of(errors: Sequence[GraphQLError]) -> list[dict[str, Any]]:
    """Errors as they are sent."""
    return [dict(error.formatted) for error in errors]


def first_half(document: DocumentNode, chosen: OperationDefinitionNode) -> DocumentNode:
    """The same document with the first half of what it asks for at the top."""
    selections = chosen.selection_set.selections
    kept = copy.copy(chosen)
    kept.selection_set = copy.copy(chosen.selection_set)
    kept.selection_set.selections = selections[: (len(selections) + 1) // 2]
    made = copy.copy(document)
    made.definitions = tuple(kept if one is chosen else one for one in document.definitions)
    return made


def claimed(chosen: OperationDefinitionNode, variables: dict[str, Any]) -> dict[str, Any]:
    """What a server answers that says of every deletion in a document that it was done."""
    fields = [one for one in chosen.selection_set.selections if isinstance(one, FieldNode)]
    found = {}
    for field, given in zip(fields, variables.values(), strict=True):
        name = field.alias.value if field.alias else field.name.value
        gone = {"id": given["artifactID"], "state": "DELETED"}
        found[name] = {"success": True} if field.name.value[0] == "u" else {"artifact": gone}
    return found
