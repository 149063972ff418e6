"""The environment's own AWS: moto's services behind one loopback endpoint, with queues that outlive the process."""
