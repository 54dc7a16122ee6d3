"""The state a correct client must hold in the end, for one base."""


def expect(world):
    """{"resources": [...], "gaps": [...]}: every resource seen from the base with the outcome of
    content.py, its version and hashes; what the faults of the base keep from a client for good."""
    server = world.server
    gaps = [{"type": type_, "fault": fault.row.number, "why": why}
            for fault in world.faults for type_, why in fault.gaps()]
    lost = {gap["type"] for gap in gaps}
    over = {(row.type, row.id) for row in world.overlay.log}
    with server.store.lock:
        good = [versions[-1] for ids in server.store.types.values() for versions in ids.values()
                if (versions[-1].type, versions[-1].id) not in over]
    found = [entry(row, lost) for row in good]
    for ids in list(world.overlay.types.values()):
        for versions in list(ids.values()):
            found.append(entry(kept(versions), lost, versions[-1].note))
    found.sort(key=lambda item: (item["type"], item["id"]))
    return {"base": world.prefix, "phase": world.phase, "phases": world.phases(),
            "resources": found, "gaps": gaps,
            "possibly_incomplete": world.has("W-25")}


def kept(versions):
    """The version that stays current: of a regression, the one before it."""
    newest = versions[-1]
    return versions[-2] if newest.note and newest.note["outcome"] == "kept" else newest


def entry(row, lost, note=None):
    outcome = "deleted" if row.deleted else "applied"
    hash_, shape = row.hashes()
    item = {"type": row.type, "id": row.id, "version": row.version, "outcome": outcome,
            "hash": hash_, "shape": shape}
    if note:
        item.update({k: v for k, v in note.items() if v})
    if row.type in lost or "*" in lost:
        item["gap"] = True
    return item
