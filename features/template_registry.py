"""All templates, by name."""

from features.template import Template
from features.templates.age import TEMPLATE as AGE
from features.templates.burst import TEMPLATE as BURST
from features.templates.calendar import TEMPLATE as CALENDAR
from features.templates.count import TEMPLATE as COUNT
from features.templates.distinct import TEMPLATE as DISTINCT
from features.templates.entropy import TEMPLATE as ENTROPY
from features.templates.ew_mean import TEMPLATE as EW_MEAN
from features.templates.ew_std import TEMPLATE as EW_STD
from features.templates.expression import TEMPLATE as EXPRESSION
from features.templates.first import TEMPLATE as FIRST
from features.templates.geo_distance import TEMPLATE as GEO_DISTANCE
from features.templates.geo_speed import TEMPLATE as GEO_SPEED
from features.templates.is_new import TEMPLATE as IS_NEW
from features.templates.label_count import TEMPLATE as LABEL_COUNT
from features.templates.label_rate import TEMPLATE as LABEL_RATE
from features.templates.last import TEMPLATE as LAST
from features.templates.linked_count import TEMPLATE as LINKED_COUNT
from features.templates.max import TEMPLATE as MAX
from features.templates.mean import TEMPLATE as MEAN
from features.templates.min import TEMPLATE as MIN
from features.templates.previous import TEMPLATE as PREVIOUS
from features.templates.quantile_rank import TEMPLATE as QUANTILE_RANK
from features.templates.rate import TEMPLATE as RATE
from features.templates.std import TEMPLATE as STD
from features.templates.sum import TEMPLATE as SUM
from features.templates.time_of_day import TEMPLATE as TIME_OF_DAY
from features.templates.time_since_last import TEMPLATE as TIME_SINCE_LAST
from features.templates.top_share import TEMPLATE as TOP_SHARE
from features.templates.transition_surprise import TEMPLATE as TRANSITION_SURPRISE
from features.templates.z_score import TEMPLATE as Z_SCORE

_ALL = (
    *(COUNT, SUM, MEAN, STD, MIN, MAX, LAST, PREVIOUS, FIRST),
    *(DISTINCT, TOP_SHARE, IS_NEW, ENTROPY, TIME_SINCE_LAST, AGE, RATE),
    *(Z_SCORE, QUANTILE_RANK, EW_MEAN, EW_STD, TIME_OF_DAY, GEO_DISTANCE, GEO_SPEED),
    *(LABEL_COUNT, LABEL_RATE, TRANSITION_SURPRISE, BURST, LINKED_COUNT, CALENDAR, EXPRESSION),
)

TEMPLATES: dict[str, Template] = {template.name: template for template in _ALL}
