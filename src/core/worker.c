#include "core/internal.h"

/* Slow calls waiting; each holds its connection, so the wait is bounded by more than this. */
enum { WAITING_MAX = 256, THREADS_MAX = 8 };

struct worker_pool {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct bw_post *first, **last;
	unsigned waiting, thread_count;
	bool stop;
	pthread_t threads[THREADS_MAX];
};

static struct bw_post *work_take(struct worker_pool *p)
{
	struct bw_post *post;

	MUST(pthread_mutex_lock(&p->lock) == 0);
	while (!p->first && !p->stop)
		MUST(pthread_cond_wait(&p->wake, &p->lock) == 0);
	post = p->first;
	if (post) {
		p->first = post->next;
		if (!p->first)
			p->last = &p->first;
		p->waiting--;
	}
	MUST(pthread_mutex_unlock(&p->lock) == 0);
	return post;
}

static void *work(void *arg)
{
	for (struct bw_post *post; (post = work_take(arg));)
		post->run(post);
	return NULL;
}

struct worker_pool *worker_pool_new(unsigned threads)
{
	struct worker_pool *p = bw_alloc(sizeof *p);

	p->last = &p->first;
	p->thread_count = threads < THREADS_MAX ? threads : THREADS_MAX;
	MUST(pthread_mutex_init(&p->lock, NULL) == 0 && pthread_cond_init(&p->wake, NULL) == 0);
	for (unsigned i = 0; i < p->thread_count; i++)
		MUST(pthread_create(&p->threads[i], NULL, work, p) == 0);
	return p;
}

void worker_pool_free(struct worker_pool *p)
{
	if (!p)
		return;
	MUST(pthread_mutex_lock(&p->lock) == 0);
	p->stop = true;
	MUST(pthread_cond_broadcast(&p->wake) == 0);
	MUST(pthread_mutex_unlock(&p->lock) == 0);
	for (unsigned i = 0; i < p->thread_count; i++)
		MUST(pthread_join(p->threads[i], NULL) == 0);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	bw_free(p);
}

bool worker_pool_add(struct worker_pool *p, struct bw_post *post)
{
	bool room;

	MUST(pthread_mutex_lock(&p->lock) == 0);
	room = p->waiting < WAITING_MAX;
	if (room) {
		post->next = NULL;
		*p->last = post;
		p->last = &post->next;
		p->waiting++;
		MUST(pthread_cond_signal(&p->wake) == 0);
	}
	MUST(pthread_mutex_unlock(&p->lock) == 0);
	return room;
}
