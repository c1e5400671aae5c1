select
    u.user_id,
    u.account_id,
    u.email,
    u.first_name,
    u.last_name,
    u.marketing_consent,
    s.plan,
    s.last_seen_at
from analytics.users as u
left join analytics.subscriptions as s on s.user_id = u.user_id and s.ended_at is null
where u.last_name is not null
order by u.account_id    -- contacts of one account lock it for each other
