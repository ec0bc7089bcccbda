// SPDX-License-Identifier: MIT
/*
 * Threads that share one descriptor: each writes into its own part of the
 * window, and knows of each piece that it arrived. Their syncs share readbacks.
 *
 *	gcc -pthread threads.c $(pkg-config --cflags --libs writesync) -o threads
 *	./threads writesync0
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <writesync.h>

#define S		1000000000ULL
#define THREADS		8
#define PIECES		100
#define PIECE		64		/* bytes */

struct worker {
	pthread_t thread;
	int fd;
	int index;
	int arrived;	/* pieces */
	int error;
};

static void *work(void *data)
{
	struct worker *worker = data;
	uint64_t offset = (uint64_t)worker->index * PIECES * PIECE;
	char piece[PIECE];
	int i, ret;

	for (i = 0; i < PIECES; i++) {
		memset(piece, 'A' + i % 26, sizeof(piece));
		ret = writesync_write_sync(worker->fd, piece, sizeof(piece),
					   offset + i * PIECE, S, NULL);
		if (ret < 0) {
			worker->error = -ret;
			break;
		}
		worker->arrived++;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "writesync0";
	struct worker workers[THREADS] = { 0 };
	int i, fd, started, arrived = 0;

	fd = writesync_open(name, O_WRONLY);
	if (fd < 0) {
		fprintf(stderr, "%s: %s\n", name, strerror(-fd));
		return 1;
	}
	for (started = 0; started < THREADS; started++) {
		workers[started].fd = fd;
		workers[started].index = started;
		if (pthread_create(&workers[started].thread, NULL, work,
				   &workers[started]))
			break;
	}
	for (i = 0; i < started; i++) {
		pthread_join(workers[i].thread, NULL);
		arrived += workers[i].arrived;
		if (workers[i].error)
			fprintf(stderr, "thread %d: %s\n", i,
				strerror(workers[i].error));
	}
	printf("%d of %d pieces arrived\n", arrived, THREADS * PIECES);
	close(fd);
	return arrived != THREADS * PIECES;
}
