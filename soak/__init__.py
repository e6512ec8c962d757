"""A soak: very many calls under faults, and a count of what was counted. ``make soak``.

Clients call the Lambda handlers over DynamoDB Local, behind a proxy that draws a fault for one
request in seven. Each client retries until it is answered, so it knows what must have been counted.
"""
