/* Says that forward may be called twice, and counts in it. */
#include "planted.h"

METRIC(.recomputable = TWIN(1, 0));
