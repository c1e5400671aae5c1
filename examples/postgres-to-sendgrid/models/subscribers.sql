select customer_id, email, first_name, last_name, country, plan, lifetime_value, created_at
from analytics.customers
where email is not null and opted_in_at is not null
