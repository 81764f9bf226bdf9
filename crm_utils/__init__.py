"""Helpers of the CRM notebooks: from raw orders to who to contact, with what, and whether it worked."""

from crm_utils.run import open_run

__all__ = ["__version__", "open_run"]

__version__ = "0.1.0"
