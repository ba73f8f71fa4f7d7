"""The endpoints of the stand-in."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, JSONResponse, Response

from tests.servers.rest.registry import Entry, matches

if TYPE_CHECKING:
    from starlette.requests import Request

    from tests.servers.rest.app import Line, StandIn
    from tests.servers.rest.traps import Traps

TYPES = {"model", "dataset", "code"}


class Handlers:
    """The endpoints."""

    def __init__(self, state: StandIn) -> None:
        self._state = state

    @property
    def _traps(self) -> Traps:
        return self._state.traps

    async def unknown(self, request: Request, line: Line) -> Response:
        del request, line
        match self._traps.unknown:
            case "404":
                return self._state.error(404, "Endpoint not found")
            case "html":
                return HTMLResponse("<!doctype html><title>App</title>")
            case "gateway":
                return JSONResponse({"message": "Missing Authentication Token"}, 403)
            case _:
                return self._state.error(405, "Method Not Allowed")

    async def health(self, request: Request, line: Line) -> Response:
        del request, line
        if self._traps.health == "missing":
            return self._state.error(404, "Endpoint not found")
        if self._traps.health == "hangs":
            await asyncio.sleep(60)
        entries = await self._state.instance().load(self._traps)
        models = sum(entry.type == "model" for entry in entries)
        counts = {"count": len(entries), "models": models}
        value: dict[str, Any] = {"status": "ok", "uptime_s": int(time.monotonic())}
        if self._traps.health in counts:
            value["models"] = counts[self._traps.health]
        return JSONResponse(value)

    async def authenticate(self, request: Request, line: Line) -> Response:
        line.carried_out = True
        if not self._traps.opens_with:
            return self._state.error(501, "not supported")
        asked = await request.json()
        if asked["secret"]["password"] != self._traps.opens_with:
            return self._state.error(401, f"wrong password {asked['secret']['password']}")
        self._state.token = "bearer " + secrets.token_hex(12)
        self._state.token_used = 0
        return JSONResponse(self._state.token)

    async def reset(self, request: Request, line: Line) -> Response:
        del request
        line.carried_out = True
        await self._state.instance().save(self._traps, ())
        self._state.bucket.counter = 0
        return JSONResponse({"status": "registry reset"})

    async def listing(self, request: Request, line: Line) -> Response:
        del line
        queries = await request.json()
        query = queries[0] if queries else {"name": "*"}
        types = query.get("types") or None
        if types and not TYPES.issuperset(types):
            return JSONResponse({"detail": [{"loc": ["body"], "msg": "not a type"}]}, 422)
        found = [
            entry
            for entry in self._state.instance().memory
            if self._named(entry, query["name"]) and (not types or entry.type in types)
        ]
        most = self._traps.too_many_typed if types else self._traps.too_many
        if most and len(found) > most:
            return self._state.error(413, "too many artifacts")
        return self._page(request, found)

    def _named(self, entry: Entry, name: str) -> bool:
        if name in {"", "*"}:
            return True
        if self._traps.names == "substring":
            return name.lower() in entry.name.lower()
        return entry.name == name

    def _page(self, request: Request, found: list[Entry]) -> Response:
        traps = self._traps
        where = {"query": request.query_params, "nowhere": {}}
        name = "x-offset" if traps.offset_from == "x-header" else "offset"
        text = where.get(traps.offset_from, request.headers).get(name, "0")
        start = int(text) if text.isdigit() else 0
        if start and self._state.repeated < traps.repeats:
            self._state.repeated += 1
            start -= traps.page_size
        page = found[start : start + traps.page_size]
        if traps.endless:
            page = [Entry(f"9{start + n}", "more") for n in range(traps.page_size)]
        end = start + len(page)
        more = traps.endless or end < len(found)
        headers = {
            "more": {"offset": str(end)} if more else {},
            "always": {"offset": str(end)},
            "x-offset": {"X-Offset": str(end)},
            "null": {"offset": str(end) if more else "null"},
            "never": {},
            "below": {"offset": "25"},
        }[traps.offset_header]
        rows = [self._row(entry) for entry in page]
        return JSONResponse({"artifacts": rows} if traps.wrapped else rows, headers=headers)

    def _row(self, entry: Entry) -> dict[str, Any]:
        row: dict[str, Any] = {"name": entry.name, "id": entry.id, "type": entry.type}
        if self._traps.number_ids and entry.id.isdigit():
            row["id"] = int(entry.id)
        if self._traps.untyped:
            del row["type"]
        if self._traps.row_urls:
            row["url"] = entry.url
        if self._traps.row_urls and self._traps.other_urls:
            row["url"] = entry.url.replace("https://", "s3://")
        return row

    async def by_name(self, request: Request, line: Line) -> Response:
        del line
        name = request.path_params["name"].strip()
        memory = self._state.instance().memory
        return JSONResponse([self._row(entry) for entry in memory if entry.name == name])

    async def by_regex(self, request: Request, line: Line) -> Response:
        if self._traps.search == "missing":
            return await self.unknown(request, line)
        if self._traps.search == "413":
            return self._state.error(413, "too many artifacts")
        try:
            pattern = re.compile((await request.json())["regex"], re.MULTILINE)
        except re.error:
            return self._state.error(400, "Invalid regular expression.")
        memory = self._state.instance().memory
        rows = [self._row(entry) for entry in memory if pattern.search(entry.name)]
        rows = rows[:40] if self._traps.search == "capped" else rows
        return JSONResponse(rows) if rows else self._state.error(404, "No artifact found.")

    async def get(self, request: Request, line: Line) -> Response:
        del line
        identifier = request.path_params["id"]
        identifier = identifier.strip() if self._traps.trims_ids else identifier
        entries = await self._state.instance().load(self._traps)
        found = [entry for entry in entries if entry.id == identifier]
        if not found:
            return self._absent()
        kind = request.path_params["type"]
        if self._traps.types == "ignored" and kind not in TYPES:
            return JSONResponse({"detail": [{"loc": ["path"], "msg": "not a type"}]}, 422)
        typed = [entry for entry in found if matches(self._traps, entry, identifier, kind)]
        if not typed:
            return self._wrong_type()
        entry = typed[0]
        if entry.failed:
            return self._state.error(424, "ingestion failed: no metadata")
        return JSONResponse({"metadata": self._row(entry), "data": {"url": entry.url}})

    def _absent(self) -> Response:
        if self._traps.absent == "html":
            return HTMLResponse("<!doctype html><title>404 Not Found</title>", 404)
        return self._state.error(404, "Artifact does not exist.")

    def _wrong_type(self) -> Response:
        if self._traps.types == "400":
            return self._state.error(400, "Artifact type does not match.")
        return self._absent()

    async def delete(self, request: Request, line: Line) -> Response:
        traps = self._traps
        identifier, kind = request.path_params["id"], request.path_params["type"]
        if traps.later_s and any(one.id == identifier for one in self._state.bucket.entries):
            line.carried_out = True
            delete = self._state.instance().delete
            self._state.after(traps.later_s, lambda: delete(traps, identifier, kind))
            return self._accepted()
        found = await self._state.instance().delete(traps, identifier, kind)
        if not found:
            held = any(entry.id == identifier for entry in self._state.bucket.entries)
            return self._wrong_type() if held and traps.types != "ignored" else self._absent()
        line.carried_out = True
        if traps.deleted in {"202", "queued"}:
            return self._accepted()
        if traps.deleted == "204":
            return Response(status_code=204)
        said = {"message": {"message": "Artifact deleted successfully"}, "empty": {}}
        return JSONResponse(said.get(traps.deleted, {"status": "deleted", "id": identifier}))

    def _accepted(self) -> Response:
        status = 200 if self._traps.deleted == "queued" else 202
        return JSONResponse({"status": "queued"}, status)

    async def create(self, request: Request, line: Line) -> Response:
        kind = request.path_params["type"]
        if kind not in TYPES:
            return self._state.error(400, "no such type")
        asked = await request.json()
        line.carried_out = True
        bucket = self._state.bucket
        bucket.counter += 1
        made = self._traps.created
        name = asked.get("name") or asked["url"]
        entry = Entry(str(bucket.counter), name, kind, asked["url"], failed=made == "202 and fails")
        row = {"metadata": self._row(entry), "data": {"url": entry.url}}
        if made == "as model":
            entry = Entry(entry.id, name, "model", name)
        if made == "202 and goes":
            await self._add(entry)
            self._state.after(self._traps.created_s, lambda: self._take(entry))
        elif self._traps.created_s:
            self._state.after(self._traps.created_s, lambda: self._add(entry))
        else:
            await self._add(entry)
        if made == "202 without id":
            return JSONResponse({"status": "queued"}, 202)
        return JSONResponse(row, 202 if made.startswith("202") else 201)

    async def _add(self, entry: Entry) -> None:
        async with self._state.adding:
            entries = (*self._state.bucket.entries, entry)
            await self._state.instance().save(self._traps, entries)

    async def _take(self, entry: Entry) -> None:
        async with self._state.adding:
            entries = [one for one in self._state.bucket.entries if one.id != entry.id]
            await self._state.instance().save(self._traps, entries)

    async def lineage(self, request: Request, line: Line) -> Response:
        del line
        entries = await self._state.instance().load(self._traps)
        own = next((entry for entry in entries if entry.id == request.path_params["id"]), None)
        if own is None:
            return self._absent()
        if own.type != "model" and self._traps.types != "ignored":
            return self._state.error(400, "only models have lineage")
        nodes, edges = [(own.id, own.name)], []
        for parent in own.parents:
            node = self._node(entries, parent)
            nodes.append(node)
            edges.append((node[0], own.id))
        return JSONResponse(self._graph(own.id, nodes, edges))

    def _node(self, entries: tuple[Entry, ...], parent: str) -> tuple[str, str]:
        """The node of a parent: by id, or the first entry of its name, or an external one."""
        name = parent.removeprefix("name:")
        for entry in entries:
            if (entry.id == parent) if name == parent else (entry.name == name):
                return (entry.name if self._traps.lineage == "names" else entry.id, entry.name)
        return (f"external:{name}", name)

    def _graph(
        self, own: str, nodes: list[tuple[str, str]], edges: list[tuple[str, str]]
    ) -> dict[str, Any]:
        if self._traps.lineage == "old":
            return {
                "nodes": [{"id": key, "name": name} for key, name in nodes],
                "edges": [{"parent": start, "child": end} for start, end in edges],
                "root_id": own,
            }
        return {
            "nodes": [{"artifact_id": key, "name": name} for key, name in nodes],
            "edges": [
                {
                    "from_node_artifact_id": start,
                    "to_node_artifact_id": end,
                    "relationship": "base_model",
                }
                for start, end in edges
            ],
        }
