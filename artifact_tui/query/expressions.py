"""SQL over `v`, one row of `version`, for what is worked out rather than stored.

Written so that SQLite looks up the few rows that concern `v` and never scans: where it might
choose wrongly, CROSS JOIN fixes the order.
"""

from __future__ import annotations

from artifact_tui.schema import as_number

BELOW = """\
WITH RECURSIVE below(id) AS (
  SELECT e.child_id FROM edge e WHERE e.parent_id = v.id
  UNION
  SELECT e.child_id FROM below CROSS JOIN version t ON t.id = below.id AND t.state = 'trash'
    CROSS JOIN edge e ON e.parent_id = t.id)
SELECT {what} FROM below CROSS JOIN version x ON x.id = below.id
WHERE x.state <> 'trash' AND x.id <> v.id"""
"""The nearest versions made from `v` that are not in the trash, as rows `x`; `{what}` to fill."""

ELSEWHERE = """\
WITH RECURSIVE below(id) AS (
  SELECT v.id
  UNION
  SELECT e.child_id FROM below CROSS JOIN edge e ON e.parent_id = below.id
    CROSS JOIN version t ON t.id = e.child_id AND t.state = 'trash')
SELECT {what} FROM below CROSS JOIN relative r ON r.version_id = below.id AND r.up = 0"""
"""Those made from `v` that are of collections not listed here, through the trash as well: rows `r`
of `relative`; `{what}` to fill."""

_ANY_ELSEWHERE = "EXISTS (SELECT 1 FROM relative WHERE version_id > 0)"
"""Asked only once for a query: most registries have none."""

DEPENDENTS = (
    f"(({BELOW.format(what='count(*)')})"
    f" + CASE WHEN {_ANY_ELSEWHERE}"
    f" THEN ({ELSEWHERE.format(what='count(DISTINCT r.key)')}) ELSE 0 END)"
)
"""How many live versions were made directly from `v`, looking through those in the trash."""

HAS_DEPENDENTS = (
    "(EXISTS (SELECT 1 FROM edge e CROSS JOIN version x ON x.id = e.child_id"
    " WHERE e.parent_id = v.id AND x.state <> 'trash')"
    " OR EXISTS (SELECT 1 FROM edge e CROSS JOIN version x ON x.id = e.child_id"
    f" WHERE e.parent_id = v.id AND x.state = 'trash') AND EXISTS ({BELOW.format(what='1')})"
    f" OR {_ANY_ELSEWHERE} AND EXISTS ({ELSEWHERE.format(what='1')}))"
)
"""Whether `DEPENDENTS` is more than 0, without walking where one step tells."""

LINEAGE_KNOWN = """\
(NOT EXISTS (SELECT 1 FROM meta WHERE name = 'asked_lineage' AND value = '1')
 OR v.used_count IS 0 OR v.source_key IS NOT NULL
 OR EXISTS (SELECT 1 FROM lineage_scan s WHERE s.version_id = v.id))"""
"""Whether `DEPENDENTS` is all there are, where a registry tells lineage only when asked.

A version that no run used has none; a link has none of its own.
"""

_SCANNED = """\
(NOT EXISTS (SELECT 1 FROM meta WHERE name = 'scanned_lineage' AND value = '1')
 OR NOT EXISTS (SELECT 1 FROM collection k CROSS JOIN version w ON w.collection_id = k.id
   WHERE k.type = 'model' AND w.state = 'live'
   AND NOT EXISTS (SELECT 1 FROM lineage_scan s WHERE s.version_id = w.id)))"""
"""Whether all lineage was scanned, where that is how dependents are found; asked once a query."""

DEPENDENTS_KNOWN = f"({LINEAGE_KNOWN} AND {_SCANNED})"
"""Whether `DEPENDENTS` is all there are, in any registry."""

UNIQUE = f"""\
CASE WHEN EXISTS (SELECT 1 FROM file f WHERE f.version_id = v.id) THEN
  (SELECT coalesce(sum({as_number("b.size")}), 0)
   FROM (SELECT DISTINCT f.blob_id FROM file f WHERE f.version_id = v.id) own
   CROSS JOIN blob b ON b.id = own.blob_id
   WHERE b.state <> 2 AND NOT EXISTS
     (SELECT 1 FROM file o WHERE o.blob_id = b.id AND o.version_id <> v.id))
WHEN v.file_count = 0 AND ifnull(v.size, 0) = 0 THEN 0 END"""
"""Bytes of the objects that only `v` needs; NULL where the registry does not tell its files."""

NO_ORDER = """\
EXISTS (SELECT 1 FROM version n
  WHERE n.collection_id = {collection} AND n.ordinal < 0 AND n.state = 'live')
AND EXISTS (SELECT 1 FROM version n
  WHERE n.collection_id = {collection} AND n.state = 'live' LIMIT 1 OFFSET {count})"""
"""Whether a collection has more than `{count}` live versions, and nothing tells which are newer."""

NEWEST = f"""\
CASE WHEN v.state = 'live' AND {NO_ORDER.format(collection="v.collection_id", count="{count}")}
THEN NULL ELSE
v.id IN (SELECT w.id FROM collection k CROSS JOIN version w ON w.id IN
  (SELECT n.id FROM version n WHERE n.collection_id = k.id AND n.state = 'live'
   ORDER BY n.ordinal DESC LIMIT {{count}})) END"""
"""Whether `v` is one of the newest live versions of its collection; `{count}` to fill."""

EXPIRES = f"({as_number('v.created_us')} + {as_number('v.ttl_us')})"
"""When the time to live of `v` ends; NULL where it has none, or nothing tells since when."""

LISTED = "v.state <> 'trash'"
"""What a filter shows that says nothing of the state."""
