-- Replaced before it lands.
SELECT 1;
