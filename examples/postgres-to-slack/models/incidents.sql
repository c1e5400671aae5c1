select incident_id, title, status, owner_email
from ops.incidents
where closed_at is null or closed_at > now() - interval '30 days'
