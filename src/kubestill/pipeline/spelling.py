"""Figures as people read them: the same in plans, progress and reports."""


def duration(seconds: float) -> str:
    """Spell a time as people do: 0.4 s, 52 s, 7 min 12 s, 2 h 5 min."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def size(count_bytes: int) -> str:
    """Spell a number of bytes in binary units."""
    return f"{count_bytes / 2**30:.1f} GiB" if count_bytes >= 2**30 else f"{count_bytes / 2**20:.0f} MiB"
