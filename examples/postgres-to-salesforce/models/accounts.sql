select account_id, name, domain, employees, industry, renews_on
from analytics.accounts
