select
    customer_id, email, first_name, last_name, plan, birthday, opted_in_at,
    case when lifetime_value > 1000 then array['VIP'] end as tags
from analytics.customers
where email is not null and opted_in_at is not null
