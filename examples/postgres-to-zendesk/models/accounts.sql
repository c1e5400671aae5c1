select account_id, name, domains, tier, monthly_value
from analytics.accounts
