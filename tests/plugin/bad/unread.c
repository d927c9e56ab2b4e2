#include "bad.h"

LAYER(.unread = 4);
