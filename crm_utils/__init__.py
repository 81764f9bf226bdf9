"""Helpers of the CRM notebooks: from raw orders to who to contact, with what, and whether it worked."""
