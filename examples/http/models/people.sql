select person_id, email, name, team
from read_csv('data/people.csv', header = true, all_varchar = true)
