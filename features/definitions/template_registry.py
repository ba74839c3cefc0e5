"""All templates, by name."""

from features.definitions.template import Template
from features.definitions.templates.age import TEMPLATE as AGE
from features.definitions.templates.burst import TEMPLATE as BURST
from features.definitions.templates.calendar import TEMPLATE as CALENDAR
from features.definitions.templates.count import TEMPLATE as COUNT
from features.definitions.templates.distinct import TEMPLATE as DISTINCT
from features.definitions.templates.entropy import TEMPLATE as ENTROPY
from features.definitions.templates.ew_mean import TEMPLATE as EW_MEAN
from features.definitions.templates.ew_std import TEMPLATE as EW_STD
from features.definitions.templates.expression import TEMPLATE as EXPRESSION
from features.definitions.templates.first import TEMPLATE as FIRST
from features.definitions.templates.geo_distance import TEMPLATE as GEO_DISTANCE
from features.definitions.templates.geo_speed import TEMPLATE as GEO_SPEED
from features.definitions.templates.is_new import TEMPLATE as IS_NEW
from features.definitions.templates.label_count import TEMPLATE as LABEL_COUNT
from features.definitions.templates.label_rate import TEMPLATE as LABEL_RATE
from features.definitions.templates.last import TEMPLATE as LAST
from features.definitions.templates.linked_count import TEMPLATE as LINKED_COUNT
from features.definitions.templates.max import TEMPLATE as MAX
from features.definitions.templates.mean import TEMPLATE as MEAN
from features.definitions.templates.min import TEMPLATE as MIN
from features.definitions.templates.previous import TEMPLATE as PREVIOUS
from features.definitions.templates.quantile_rank import TEMPLATE as QUANTILE_RANK
from features.definitions.templates.rate import TEMPLATE as RATE
from features.definitions.templates.std import TEMPLATE as STD
from features.definitions.templates.sum import TEMPLATE as SUM
from features.definitions.templates.time_of_day import TEMPLATE as TIME_OF_DAY
from features.definitions.templates.time_since_last import TEMPLATE as TIME_SINCE_LAST
from features.definitions.templates.top_share import TEMPLATE as TOP_SHARE
from features.definitions.templates.transition_surprise import TEMPLATE as TRANSITION_SURPRISE
from features.definitions.templates.z_score import TEMPLATE as Z_SCORE

_ALL = (
    *(COUNT, SUM, MEAN, STD, MIN, MAX, LAST, PREVIOUS, FIRST),
    *(DISTINCT, TOP_SHARE, IS_NEW, ENTROPY, TIME_SINCE_LAST, AGE, RATE),
    *(Z_SCORE, QUANTILE_RANK, EW_MEAN, EW_STD, TIME_OF_DAY, GEO_DISTANCE, GEO_SPEED),
    *(LABEL_COUNT, LABEL_RATE, TRANSITION_SURPRISE, BURST, LINKED_COUNT, CALENDAR, EXPRESSION),
)

TEMPLATES: dict[str, Template] = {template.name: template for template in _ALL}
