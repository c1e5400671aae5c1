select account, number, total, account || '-' || number as reference
from read_csv('data/orders.csv', header = true, types = {'account': 'VARCHAR', 'number': 'BIGINT', 'total': 'DECIMAL(10, 2)'})
