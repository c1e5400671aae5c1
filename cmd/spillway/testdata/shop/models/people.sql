select id, email, name, plan, seen
from read_csv('data/people.csv', header = true, types = {'id': 'BIGINT', 'email': 'VARCHAR', 'name': 'VARCHAR', 'plan': 'VARCHAR', 'seen': 'DATE'})
