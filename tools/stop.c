// SPDX-License-Identifier: MIT
/*
 * SIGINT and its like end a copy in an orderly way: the call in progress
 * returns, and how far the copy came is told.
 *
 * A signal that comes just before a call that waits does not end that call.
 * So once one has come, an alarm rings every second until the program ends.
 */
#include <signal.h>
#include <unistd.h>

#include "ctl.h"

static int stopped_by;

static void on_signal(int number)
{
	if (number != SIGALRM)
		__atomic_store_n(&stopped_by, number, __ATOMIC_RELAXED);
	alarm(1);
}

/* What the parent made us ignore, as nohup does, stays ignored. */
static void catch(int number)
{
	struct sigaction action = { .sa_handler = on_signal }, old;

	sigemptyset(&action.sa_mask);
	if (sigaction(number, NULL, &old) || old.sa_handler == SIG_IGN)
		return;
	sigaction(number, &action, NULL);
}

/**
 * ctl_stop_begin() - from now on signals stop the copy, not the program
 */
void ctl_stop_begin(void)
{
	signal(SIGALRM, SIG_DFL);
	catch(SIGALRM);
	catch(SIGINT);
	catch(SIGTERM);
	catch(SIGHUP);
}

/**
 * ctl_stopped() - has one come?
 *
 * Return: its number or 0.
 */
int ctl_stopped(void)
{
	return __atomic_load_n(&stopped_by, __ATOMIC_RELAXED);
}
