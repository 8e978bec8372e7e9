"""What a URL names, and the credentials that it must not hold: URLs are in logs, manifests and process lists."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from segcore import errors

# What both pyarrow and Polars reach; hdfs and viewfs for runs alone.
SCHEMES = ("s3", "gs", "abfs", "abfss", "file", "hdfs", "viewfs")
_ENVIRONMENT = {
    "s3": "(AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY) or in a profile (AWS_PROFILE)",
    "gs": "(GOOGLE_APPLICATION_CREDENTIALS)",
    "abfs": "(AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET), or log in with az login",
}
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
# Names of options that hold a credential, as they are in signed URLs, connection strings and the engines' own options.
_SECRET = re.compile(
    r"secret|key|token|pass|pwd|sig$|signature|credential|auth|^sas|session|x-amz-|x-goog-", re.IGNORECASE
)
_OPTION = re.compile(r"(?<=[?&;#])([^=&;#?/\s]+)=([^&;#\s'\"]*)")
# A port, which also stands behind a colon, is no password.
_LOGIN = re.compile(
    r"(?<=://)[^\s/@:?#]*:(?!\d+(?:/|$))[^\s@]*@|(?<=https://)[^\s/@]+@|(?<=http://)[^\s/@]+@"
)
_HIDDEN = "..."


def is_url(path: str | Path) -> bool:
    """Whether a path names its store, such as ``s3://bucket/folder``."""
    return _URL.match(str(path)) is not None


def redacted(text: str) -> str:
    """Return a text, such as a message or a command, without the credentials of the URLs in it.

    Examples
    --------
    >>> redacted("https://me:secret@host/a.csv?sig=xyz&v=1: no such file")
    'https://...@host/a.csv?sig=...&v=1: no such file'
    """
    if "=" not in text and "@" not in text:
        return text
    return _OPTION.sub(_hide, _LOGIN.sub(f"{_HIDDEN}@", text))


def _hide(option: re.Match[str]) -> str:
    name = option[1]
    return f"{name}={_HIDDEN}" if _SECRET.search(unquote(name)) else option[0]


def check_url(url: str) -> None:
    """Refuse a URL that holds credentials, without repeating them, or that is of no known store.

    Raises
    ------
    segcore.errors.UsageError
    """
    scheme, _, rest = url.partition("://")
    authority = rest.partition("/")[0]
    # A bucket has neither; an Azure container stands before an @, and a server may have a port.
    in_bucket = scheme in ("s3", "gs") and re.search("[:@]", authority)
    if in_bucket or redacted(url) != url:
        shown = rest.rpartition("@")[2] if "@" in rest else rest
        shown = re.split("[?#;]", shown)[0] if in_bucket is None or "@" in rest else _HIDDEN
        remedy = _ENVIRONMENT.get(
            scheme.removesuffix("s") if scheme == "abfss" else scheme, _ENVIRONMENT["s3"]
        )
        raise errors.UsageError(
            f"{scheme}://{shown}: the URL holds credentials; leave them out, and set them in the environment {remedy}"
        )
    if scheme not in SCHEMES:
        raise errors.UsageError(
            f"{url}: {scheme}:// is no store that can be reached{errors.did_you_mean(scheme, SCHEMES)}; expected "
            f"{', '.join(f'{known}://' for known in SCHEMES)} or a path"
        )


def check_name(path: str) -> None:
    """Refuse a name that is not UTF-8: the engines cannot name it, nor can what a run writes.

    Raises
    ------
    segcore.errors.UsageError
    """
    try:
        path.encode()
    except UnicodeEncodeError as exc:
        raise errors.UsageError(f"{path}: the name is not UTF-8; rename it") from exc


def check_folder(path: str) -> None:
    """Refuse an empty name, which would be the folder that one is in, and a ~ that no shell has replaced.

    Some engines put the home folder in its place, others a folder of that name here.

    Raises
    ------
    segcore.errors.UsageError
    """
    if not path:
        raise errors.UsageError("the name of a folder is empty; write . for the one that you are in")
    if path == "~" or path.startswith("~/"):
        raise errors.UsageError(f"{path}: the shell has put no folder in place of ~; write it out")


def place(text: str | Path) -> Path | str:
    """Return a path, or the URL of a folder in a store, from a text.

    Raises
    ------
    segcore.errors.UsageError
        If it is empty or not UTF-8; if the URL holds credentials or options, or is of no known store.
    """
    text = str(text)
    check_name(text)
    check_folder(text)
    if not is_url(text):
        return Path(text)
    check_url(text)
    if "?" in text:
        raise errors.UsageError(
            f"{text.partition('?')[0]}: a URL with options; set the endpoint and the region in the environment "
            "(AWS_ENDPOINT_URL, AWS_REGION)"
        )
    if text.startswith("file://"):
        return Path(unquote(urlsplit(text).path))
    return text.rstrip("/")
