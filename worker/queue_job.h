/* SPDX-License-Identifier: ISC */
/*
 * Work that the queue process gives a worker: deliver into an account, tell a
 * submission what became of it, look whether there is such a submission.  One
 * piece of work at a time; the queue keeps what was not answered and gives it
 * to somebody else when this worker dies.
 */
#ifndef WORKER_QUEUE_JOB_H
#define WORKER_QUEUE_JOB_H

/* The pipe that MSG_PEER brought; fd becomes ours. */
void	queue_job_open(int fd);

#endif
