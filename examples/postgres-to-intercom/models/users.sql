select user_id, email, full_name, plan, seats, signed_up_at
from analytics.users
where email is not null
