select user_id, email, full_name, phone, plan, seats, renews_at, at_risk
from analytics.users
where email is not null
