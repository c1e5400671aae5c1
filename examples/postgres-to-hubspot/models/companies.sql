select account_id, name, domain, employees, country
from analytics.accounts
