/* Changes to documents and questions whose effect on a decision is known beforehand. */
#pragma once

#include "chance.h"

struct change {
	/* What the world is made into before it is asked first; NULL: nothing. False: this change is not for
	 * this world. */
	bool (*prepare)(struct world *w, struct chance *c);
	/* NULL: nothing. */
	bool (*apply)(struct world *w, struct chance *c);
	/* The same question in other words; NULL: in the same. */
	void (*reword)(struct world *w, struct question_data *q);
	bool (*holds)(enum bw_decision before, enum bw_decision after);
};

extern const struct change change_deny_more, change_allow_more, change_order, change_split, change_case,
    change_twice, change_not_action;
