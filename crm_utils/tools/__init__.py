"""Tools that know no CRM: durable writes, locks, signals, YAML, SQL text, small pictures."""
