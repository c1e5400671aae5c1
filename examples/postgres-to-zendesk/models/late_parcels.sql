select p.parcel_id, to_char(p.due_on, 'YYYY-MM-DD') as due_on, u.email, u.full_name, p.tags
from analytics.parcels as p
join analytics.users as u on u.user_id = p.user_id
where p.delivered_at is null and p.due_on < current_date
