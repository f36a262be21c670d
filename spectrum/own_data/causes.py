"""Why a data file cannot be read: the true cause in one sentence, and what to do about it."""

import re

# What a file holds that is not what its name says, by its first bytes.
MAGIC = (
    (b"version https://git-lfs.github.com/spec", "is a Git LFS pointer, not the data: run `git lfs pull` in the clone"),
    (b"PAR1", "is a parquet file; give it a name that ends in .parquet"),
    (b"PK\x03\x04", "is a zip archive or an Excel workbook: unpack it, or save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook: save the sheet as CSV"),
    (b"\x1f\x8b", "is compressed by gzip; give it a name that ends in .gz, such as data.jsonl.gz"),
    (b"BZh", "is compressed by bzip2: unpack it first"),
    (b"(\xb5/\xfd", "is compressed by zstd: unpack it first"),
    (b"SQLite format 3", "is an SQLite database: export the table as CSV"),
    (b"ARROW1", "is an Arrow file; give the folder that save_to_disk wrote, or save it as parquet"),
    (b"%PDF", "is a PDF document, not a table"),
)
PAGE = re.compile(rb"\s*<(!doctype html|html|\?xml)", re.IGNORECASE)
ENCODINGS = "encoding='cp1252' (Windows, western Europe) or encoding='utf-16' (Excel's \"Unicode text\")"


def refuse_other_files(name, data):
    """Raises ValueError where the first bytes show that a file is something else than text of its format."""
    for magic, what in MAGIC:
        if data.startswith(magic):
            raise ValueError(f"{name} {what}.")
    if PAGE.match(data[:200]):
        raise ValueError(f"{name} is a web page, perhaps the error page of a download: fetch the data file itself.")


def decode(name, data, encoding=None):
    """Returns the text of a file's bytes; UTF-8 with or without a byte order mark unless `encoding` says otherwise.

    Raises ValueError that names the line of the first byte that is no text, and the encoding that would fit.
    """
    try:
        if encoding is None and data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise ValueError(f"{name} is UTF-16 text: read it with encoding='utf-16'.")
        if encoding is None and data[:200].count(b"\0") > len(data[:200]) // 4:
            raise ValueError(f"{name} holds zero bytes as UTF-16 text does: try encoding='utf-16-le' or 'utf-16-be'.")
        return data.decode(encoding or "utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ValueError(why_no_text(name, data, encoding, error)) from error
    except UnicodeError as error:  # as "UTF-16 stream does not start with BOM"
        raise ValueError(f"{name} is no text in encoding={encoding!r} ({error}).") from error
    except LookupError as error:
        raise ValueError(f"encoding={encoding!r} is unknown to Python; give {ENCODINGS}.") from error


def why_no_text(name, data, encoding, error):
    """Returns the sentence for bytes that an encoding does not have; for UTF-8, how the line would read in cp1252."""
    number = data.count(b"\n", 0, error.start) + 1
    if encoding:
        return f"{name}, line {number}: is no text in encoding={encoding!r} ({error.reason}); try {ENCODINGS}."
    line = data.split(b"\n")[number - 1].decode("cp1252", errors="replace").strip()
    return (
        f"{name}, line {number}: byte 0x{data[error.start]:02x} is no UTF-8. With encoding='cp1252' the line reads "
        f"{line[:60]!r}; if that is right, give it, else the encoding that the file was saved in."
    )
