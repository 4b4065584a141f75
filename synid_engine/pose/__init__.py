"""How people stand: joints as plain data, the poses that have names, and their maps. Knows no base model."""
