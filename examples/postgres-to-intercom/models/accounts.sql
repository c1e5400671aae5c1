select account_id, name, plan, employees, industry
from analytics.accounts
