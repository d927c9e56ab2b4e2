#include "bad.h"

LAYER(.survey_back = backward);
