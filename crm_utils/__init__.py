"""Helpers of the CRM notebooks: from raw orders to who to contact, with what, and whether it worked."""

from importlib.metadata import PackageNotFoundError, version

from crm_utils.run import open_run

__all__ = ["__version__", "open_run"]

try:
    __version__ = version("crm-notebooks")
except PackageNotFoundError:  # read from a checkout that was never installed
    __version__ = "0.0.0"
