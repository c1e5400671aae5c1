select
    u.user_id,
    u.email,
    u.first_name,
    u.last_name,
    u.job_title,
    u.phone,
    u.signed_up_at,
    s.plan,
    s.monthly_value
from analytics.users as u
left join analytics.subscriptions as s on s.user_id = u.user_id and s.ended_at is null
where u.email is not null
