-- Plain SQL of the warehouse: one model a file. Spillway only ever reads.
select
    customer_id,
    email,
    first_name,
    last_name,
    plan,
    country,
    lead_score,
    lifetime_value,
    created_at,
    updated_at
from read_csv(
    'data/customers.csv',
    header = true,
    types = {
        'customer_id': 'BIGINT',
        'email': 'VARCHAR',
        'first_name': 'VARCHAR',
        'last_name': 'VARCHAR',
        'lead_score': 'INTEGER',
        'lifetime_value': 'DECIMAL(12, 2)',
        'created_at': 'TIMESTAMP',
        'updated_at': 'TIMESTAMP'
    }
)
