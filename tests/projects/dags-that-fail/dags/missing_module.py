from airflow import DAG
from sklearn.cluster import KMeans

print(DAG, KMeans)
