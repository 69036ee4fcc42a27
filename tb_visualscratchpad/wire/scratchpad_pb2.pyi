from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    KIND_UNSPECIFIED: _ClassVar[Kind]
    VLM_RUN: _ClassVar[Kind]
    LATENT_STATISTICS: _ClassVar[Kind]
    REFERENCE_IMAGES: _ClassVar[Kind]
    DECODER_MAP: _ClassVar[Kind]
    SAE_METRICS: _ClassVar[Kind]
    STEERING_RESULT: _ClassVar[Kind]
    CLUSTER_SWEEP: _ClassVar[Kind]
    DOSE_RESPONSE: _ClassVar[Kind]
    WORD_CONTRIBUTIONS: _ClassVar[Kind]
    TRUTH_REPORT: _ClassVar[Kind]
    FAILURE_SET: _ClassVar[Kind]
    SET_ABLATION: _ClassVar[Kind]
    SAE_CHECK: _ClassVar[Kind]
    HEAD_ATTENTION: _ClassVar[Kind]
    DICTIONARY_MATCH: _ClassVar[Kind]

class Packing(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RAW: _ClassVar[Packing]
    ZLIB: _ClassVar[Packing]
    SHUFFLED_ZLIB: _ClassVar[Packing]

class Span(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SYSTEM: _ClassVar[Span]
    IMAGE: _ClassVar[Span]
    INPUT: _ClassVar[Span]
    OUTPUT: _ClassVar[Span]

class Condition(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORIGINAL: _ClassVar[Condition]
    RECONSTRUCTION: _ClassVar[Condition]
    CONTROL: _ClassVar[Condition]
    STEERED: _ClassVar[Condition]
    ERASED: _ClassVar[Condition]
KIND_UNSPECIFIED: Kind
VLM_RUN: Kind
LATENT_STATISTICS: Kind
REFERENCE_IMAGES: Kind
DECODER_MAP: Kind
SAE_METRICS: Kind
STEERING_RESULT: Kind
CLUSTER_SWEEP: Kind
DOSE_RESPONSE: Kind
WORD_CONTRIBUTIONS: Kind
TRUTH_REPORT: Kind
FAILURE_SET: Kind
SET_ABLATION: Kind
SAE_CHECK: Kind
HEAD_ATTENTION: Kind
DICTIONARY_MATCH: Kind
RAW: Packing
ZLIB: Packing
SHUFFLED_ZLIB: Packing
SYSTEM: Span
IMAGE: Span
INPUT: Span
OUTPUT: Span
ORIGINAL: Condition
RECONSTRUCTION: Condition
CONTROL: Condition
STEERED: Condition
ERASED: Condition

class Array(_message.Message):
    __slots__ = ("dtype", "shape", "packing", "data")
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    PACKING_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    dtype: str
    shape: _containers.RepeatedScalarFieldContainer[int]
    packing: Packing
    data: bytes
    def __init__(self, dtype: _Optional[str] = ..., shape: _Optional[_Iterable[int]] = ..., packing: _Optional[_Union[Packing, str]] = ..., data: _Optional[bytes] = ...) -> None: ...

class Dictionary(_message.Message):
    __slots__ = ("dictionary_id", "name", "vlm_name", "sae_name", "hook", "d_in", "n_latents", "activation")
    DICTIONARY_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VLM_NAME_FIELD_NUMBER: _ClassVar[int]
    SAE_NAME_FIELD_NUMBER: _ClassVar[int]
    HOOK_FIELD_NUMBER: _ClassVar[int]
    D_IN_FIELD_NUMBER: _ClassVar[int]
    N_LATENTS_FIELD_NUMBER: _ClassVar[int]
    ACTIVATION_FIELD_NUMBER: _ClassVar[int]
    dictionary_id: str
    name: str
    vlm_name: str
    sae_name: str
    hook: str
    d_in: int
    n_latents: int
    activation: str
    def __init__(self, dictionary_id: _Optional[str] = ..., name: _Optional[str] = ..., vlm_name: _Optional[str] = ..., sae_name: _Optional[str] = ..., hook: _Optional[str] = ..., d_in: _Optional[int] = ..., n_latents: _Optional[int] = ..., activation: _Optional[str] = ...) -> None: ...

class PluginData(_message.Message):
    __slots__ = ("schema_version", "kind", "id", "dictionary", "first_step", "vlm_run", "outcome", "failure_set", "other_dictionary")
    SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    DICTIONARY_FIELD_NUMBER: _ClassVar[int]
    FIRST_STEP_FIELD_NUMBER: _ClassVar[int]
    VLM_RUN_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    FAILURE_SET_FIELD_NUMBER: _ClassVar[int]
    OTHER_DICTIONARY_FIELD_NUMBER: _ClassVar[int]
    schema_version: int
    kind: Kind
    id: str
    dictionary: Dictionary
    first_step: int
    vlm_run: VlmRunSummary
    outcome: OutcomeSummary
    failure_set: FailureSetSummary
    other_dictionary: Dictionary
    def __init__(self, schema_version: _Optional[int] = ..., kind: _Optional[_Union[Kind, str]] = ..., id: _Optional[str] = ..., dictionary: _Optional[_Union[Dictionary, _Mapping]] = ..., first_step: _Optional[int] = ..., vlm_run: _Optional[_Union[VlmRunSummary, _Mapping]] = ..., outcome: _Optional[_Union[OutcomeSummary, _Mapping]] = ..., failure_set: _Optional[_Union[FailureSetSummary, _Mapping]] = ..., other_dictionary: _Optional[_Union[Dictionary, _Mapping]] = ...) -> None: ...

class FailureSetSummary(_message.Message):
    __slots__ = ("name", "created", "n_items", "n_wrong", "has_pictures")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    N_ITEMS_FIELD_NUMBER: _ClassVar[int]
    N_WRONG_FIELD_NUMBER: _ClassVar[int]
    HAS_PICTURES_FIELD_NUMBER: _ClassVar[int]
    name: str
    created: float
    n_items: int
    n_wrong: int
    has_pictures: bool
    def __init__(self, name: _Optional[str] = ..., created: _Optional[float] = ..., n_items: _Optional[int] = ..., n_wrong: _Optional[int] = ..., has_pictures: bool = ...) -> None: ...

class VlmRunSummary(_message.Message):
    __slots__ = ("name", "prompt", "output_text", "created", "n_output_tokens", "truncated", "steered", "has_picture", "original_run_id", "series_id")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TEXT_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    N_OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    STEERED_FIELD_NUMBER: _ClassVar[int]
    HAS_PICTURE_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SERIES_ID_FIELD_NUMBER: _ClassVar[int]
    name: str
    prompt: str
    output_text: str
    created: float
    n_output_tokens: int
    truncated: bool
    steered: bool
    has_picture: bool
    original_run_id: str
    series_id: str
    def __init__(self, name: _Optional[str] = ..., prompt: _Optional[str] = ..., output_text: _Optional[str] = ..., created: _Optional[float] = ..., n_output_tokens: _Optional[int] = ..., truncated: bool = ..., steered: bool = ..., has_picture: bool = ..., original_run_id: _Optional[str] = ..., series_id: _Optional[str] = ...) -> None: ...

class OutcomeSummary(_message.Message):
    __slots__ = ("name", "created", "prompt", "original_run_id", "steered_run_id", "output_text", "erased", "n_latents", "n_clusters", "op", "n_doses", "word", "word_text", "set_id", "query_position")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STEERED_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TEXT_FIELD_NUMBER: _ClassVar[int]
    ERASED_FIELD_NUMBER: _ClassVar[int]
    N_LATENTS_FIELD_NUMBER: _ClassVar[int]
    N_CLUSTERS_FIELD_NUMBER: _ClassVar[int]
    OP_FIELD_NUMBER: _ClassVar[int]
    N_DOSES_FIELD_NUMBER: _ClassVar[int]
    WORD_FIELD_NUMBER: _ClassVar[int]
    WORD_TEXT_FIELD_NUMBER: _ClassVar[int]
    SET_ID_FIELD_NUMBER: _ClassVar[int]
    QUERY_POSITION_FIELD_NUMBER: _ClassVar[int]
    name: str
    created: float
    prompt: str
    original_run_id: str
    steered_run_id: str
    output_text: str
    erased: bool
    n_latents: int
    n_clusters: int
    op: str
    n_doses: int
    word: int
    word_text: str
    set_id: str
    query_position: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, name: _Optional[str] = ..., created: _Optional[float] = ..., prompt: _Optional[str] = ..., original_run_id: _Optional[str] = ..., steered_run_id: _Optional[str] = ..., output_text: _Optional[str] = ..., erased: bool = ..., n_latents: _Optional[int] = ..., n_clusters: _Optional[int] = ..., op: _Optional[str] = ..., n_doses: _Optional[int] = ..., word: _Optional[int] = ..., word_text: _Optional[str] = ..., set_id: _Optional[str] = ..., query_position: _Optional[_Iterable[int]] = ...) -> None: ...

class Sidecar(_message.Message):
    __slots__ = ("path", "sha256", "size")
    PATH_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    path: str
    sha256: str
    size: int
    def __init__(self, path: _Optional[str] = ..., sha256: _Optional[str] = ..., size: _Optional[int] = ...) -> None: ...

class Evidence(_message.Message):
    __slots__ = ("schema_version", "sidecar", "vlm_run", "latent_statistics", "reference_images", "decoder_map", "sae_metrics", "steering_result", "cluster_sweep", "dose_response", "word_contributions", "truth_report", "failure_set", "set_ablation", "sae_check", "head_attention", "dictionary_match")
    SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    SIDECAR_FIELD_NUMBER: _ClassVar[int]
    VLM_RUN_FIELD_NUMBER: _ClassVar[int]
    LATENT_STATISTICS_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_IMAGES_FIELD_NUMBER: _ClassVar[int]
    DECODER_MAP_FIELD_NUMBER: _ClassVar[int]
    SAE_METRICS_FIELD_NUMBER: _ClassVar[int]
    STEERING_RESULT_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_SWEEP_FIELD_NUMBER: _ClassVar[int]
    DOSE_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    WORD_CONTRIBUTIONS_FIELD_NUMBER: _ClassVar[int]
    TRUTH_REPORT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_SET_FIELD_NUMBER: _ClassVar[int]
    SET_ABLATION_FIELD_NUMBER: _ClassVar[int]
    SAE_CHECK_FIELD_NUMBER: _ClassVar[int]
    HEAD_ATTENTION_FIELD_NUMBER: _ClassVar[int]
    DICTIONARY_MATCH_FIELD_NUMBER: _ClassVar[int]
    schema_version: int
    sidecar: Sidecar
    vlm_run: VlmRun
    latent_statistics: LatentStatistics
    reference_images: ReferenceImages
    decoder_map: DecoderMap
    sae_metrics: SaeMetrics
    steering_result: SteeringResult
    cluster_sweep: ClusterSweep
    dose_response: DoseResponse
    word_contributions: WordContributions
    truth_report: TruthReport
    failure_set: FailureSet
    set_ablation: SetAblation
    sae_check: SaeCheck
    head_attention: HeadAttention
    dictionary_match: DictionaryMatch
    def __init__(self, schema_version: _Optional[int] = ..., sidecar: _Optional[_Union[Sidecar, _Mapping]] = ..., vlm_run: _Optional[_Union[VlmRun, _Mapping]] = ..., latent_statistics: _Optional[_Union[LatentStatistics, _Mapping]] = ..., reference_images: _Optional[_Union[ReferenceImages, _Mapping]] = ..., decoder_map: _Optional[_Union[DecoderMap, _Mapping]] = ..., sae_metrics: _Optional[_Union[SaeMetrics, _Mapping]] = ..., steering_result: _Optional[_Union[SteeringResult, _Mapping]] = ..., cluster_sweep: _Optional[_Union[ClusterSweep, _Mapping]] = ..., dose_response: _Optional[_Union[DoseResponse, _Mapping]] = ..., word_contributions: _Optional[_Union[WordContributions, _Mapping]] = ..., truth_report: _Optional[_Union[TruthReport, _Mapping]] = ..., failure_set: _Optional[_Union[FailureSet, _Mapping]] = ..., set_ablation: _Optional[_Union[SetAblation, _Mapping]] = ..., sae_check: _Optional[_Union[SaeCheck, _Mapping]] = ..., head_attention: _Optional[_Union[HeadAttention, _Mapping]] = ..., dictionary_match: _Optional[_Union[DictionaryMatch, _Mapping]] = ...) -> None: ...

class Picture(_message.Message):
    __slots__ = ("data", "mime", "width", "height")
    DATA_FIELD_NUMBER: _ClassVar[int]
    MIME_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    mime: str
    width: int
    height: int
    def __init__(self, data: _Optional[bytes] = ..., mime: _Optional[str] = ..., width: _Optional[int] = ..., height: _Optional[int] = ...) -> None: ...

class Tokens(_message.Message):
    __slots__ = ("text", "token_id", "text_index", "span", "template", "logprob_token", "logprob", "alternative_token", "alternative_id", "alternative_text_index", "alternative_logprob")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_INDEX_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    LOGPROB_TOKEN_FIELD_NUMBER: _ClassVar[int]
    LOGPROB_FIELD_NUMBER: _ClassVar[int]
    ALTERNATIVE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ALTERNATIVE_ID_FIELD_NUMBER: _ClassVar[int]
    ALTERNATIVE_TEXT_INDEX_FIELD_NUMBER: _ClassVar[int]
    ALTERNATIVE_LOGPROB_FIELD_NUMBER: _ClassVar[int]
    text: _containers.RepeatedScalarFieldContainer[str]
    token_id: Array
    text_index: Array
    span: Array
    template: Array
    logprob_token: Array
    logprob: Array
    alternative_token: Array
    alternative_id: Array
    alternative_text_index: Array
    alternative_logprob: Array
    def __init__(self, text: _Optional[_Iterable[str]] = ..., token_id: _Optional[_Union[Array, _Mapping]] = ..., text_index: _Optional[_Union[Array, _Mapping]] = ..., span: _Optional[_Union[Array, _Mapping]] = ..., template: _Optional[_Union[Array, _Mapping]] = ..., logprob_token: _Optional[_Union[Array, _Mapping]] = ..., logprob: _Optional[_Union[Array, _Mapping]] = ..., alternative_token: _Optional[_Union[Array, _Mapping]] = ..., alternative_id: _Optional[_Union[Array, _Mapping]] = ..., alternative_text_index: _Optional[_Union[Array, _Mapping]] = ..., alternative_logprob: _Optional[_Union[Array, _Mapping]] = ...) -> None: ...

class ImageTokenMap(_message.Message):
    __slots__ = ("width", "height", "grid", "tile_rows", "tile_columns", "patch_box", "patch_token", "token_patch", "token_image")
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    GRID_FIELD_NUMBER: _ClassVar[int]
    TILE_ROWS_FIELD_NUMBER: _ClassVar[int]
    TILE_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    PATCH_BOX_FIELD_NUMBER: _ClassVar[int]
    PATCH_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOKEN_PATCH_FIELD_NUMBER: _ClassVar[int]
    TOKEN_IMAGE_FIELD_NUMBER: _ClassVar[int]
    width: int
    height: int
    grid: int
    tile_rows: int
    tile_columns: int
    patch_box: Array
    patch_token: Array
    token_patch: Array
    token_image: Array
    def __init__(self, width: _Optional[int] = ..., height: _Optional[int] = ..., grid: _Optional[int] = ..., tile_rows: _Optional[int] = ..., tile_columns: _Optional[int] = ..., patch_box: _Optional[_Union[Array, _Mapping]] = ..., patch_token: _Optional[_Union[Array, _Mapping]] = ..., token_patch: _Optional[_Union[Array, _Mapping]] = ..., token_image: _Optional[_Union[Array, _Mapping]] = ...) -> None: ...

class Attention(_message.Message):
    __slots__ = ("query_position", "layers", "mean_q", "row_scale")
    QUERY_POSITION_FIELD_NUMBER: _ClassVar[int]
    LAYERS_FIELD_NUMBER: _ClassVar[int]
    MEAN_Q_FIELD_NUMBER: _ClassVar[int]
    ROW_SCALE_FIELD_NUMBER: _ClassVar[int]
    query_position: Array
    layers: _containers.RepeatedScalarFieldContainer[int]
    mean_q: Array
    row_scale: Array
    def __init__(self, query_position: _Optional[_Union[Array, _Mapping]] = ..., layers: _Optional[_Iterable[int]] = ..., mean_q: _Optional[_Union[Array, _Mapping]] = ..., row_scale: _Optional[_Union[Array, _Mapping]] = ...) -> None: ...

class Latents(_message.Message):
    __slots__ = ("n_latents", "count", "step", "value", "value_scale")
    N_LATENTS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    VALUE_SCALE_FIELD_NUMBER: _ClassVar[int]
    n_latents: int
    count: Array
    step: Array
    value: Array
    value_scale: float
    def __init__(self, n_latents: _Optional[int] = ..., count: _Optional[_Union[Array, _Mapping]] = ..., step: _Optional[_Union[Array, _Mapping]] = ..., value: _Optional[_Union[Array, _Mapping]] = ..., value_scale: _Optional[float] = ...) -> None: ...

class LatentOrder(_message.Message):
    __slots__ = ("latent", "linkage")
    LATENT_FIELD_NUMBER: _ClassVar[int]
    LINKAGE_FIELD_NUMBER: _ClassVar[int]
    latent: Array
    linkage: Array
    def __init__(self, latent: _Optional[_Union[Array, _Mapping]] = ..., linkage: _Optional[_Union[Array, _Mapping]] = ...) -> None: ...

class Reductions(_message.Message):
    __slots__ = ("prompt_rows_dropped", "picture_side", "picture_dropped", "latents_per_patch", "image_tokens_per_row")
    PROMPT_ROWS_DROPPED_FIELD_NUMBER: _ClassVar[int]
    PICTURE_SIDE_FIELD_NUMBER: _ClassVar[int]
    PICTURE_DROPPED_FIELD_NUMBER: _ClassVar[int]
    LATENTS_PER_PATCH_FIELD_NUMBER: _ClassVar[int]
    IMAGE_TOKENS_PER_ROW_FIELD_NUMBER: _ClassVar[int]
    prompt_rows_dropped: bool
    picture_side: int
    picture_dropped: bool
    latents_per_patch: int
    image_tokens_per_row: int
    def __init__(self, prompt_rows_dropped: bool = ..., picture_side: _Optional[int] = ..., picture_dropped: bool = ..., latents_per_patch: _Optional[int] = ..., image_tokens_per_row: _Optional[int] = ...) -> None: ...

class VlmRun(_message.Message):
    __slots__ = ("run_id", "name", "created", "dictionary", "prompt", "output_text", "truncated", "tokens", "attention", "image_tokens", "latents", "picture", "steering", "order", "reductions", "system", "max_new_tokens", "original_run_id", "exact_picture", "series_id")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    DICTIONARY_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TEXT_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    ATTENTION_FIELD_NUMBER: _ClassVar[int]
    IMAGE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    LATENTS_FIELD_NUMBER: _ClassVar[int]
    PICTURE_FIELD_NUMBER: _ClassVar[int]
    STEERING_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    REDUCTIONS_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    MAX_NEW_TOKENS_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    EXACT_PICTURE_FIELD_NUMBER: _ClassVar[int]
    SERIES_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    name: str
    created: float
    dictionary: Dictionary
    prompt: str
    output_text: str
    truncated: bool
    tokens: Tokens
    attention: Attention
    image_tokens: ImageTokenMap
    latents: Latents
    picture: Picture
    steering: str
    order: LatentOrder
    reductions: Reductions
    system: str
    max_new_tokens: int
    original_run_id: str
    exact_picture: Picture
    series_id: str
    def __init__(self, run_id: _Optional[str] = ..., name: _Optional[str] = ..., created: _Optional[float] = ..., dictionary: _Optional[_Union[Dictionary, _Mapping]] = ..., prompt: _Optional[str] = ..., output_text: _Optional[str] = ..., truncated: bool = ..., tokens: _Optional[_Union[Tokens, _Mapping]] = ..., attention: _Optional[_Union[Attention, _Mapping]] = ..., image_tokens: _Optional[_Union[ImageTokenMap, _Mapping]] = ..., latents: _Optional[_Union[Latents, _Mapping]] = ..., picture: _Optional[_Union[Picture, _Mapping]] = ..., steering: _Optional[str] = ..., order: _Optional[_Union[LatentOrder, _Mapping]] = ..., reductions: _Optional[_Union[Reductions, _Mapping]] = ..., system: _Optional[str] = ..., max_new_tokens: _Optional[int] = ..., original_run_id: _Optional[str] = ..., exact_picture: _Optional[_Union[Picture, _Mapping]] = ..., series_id: _Optional[str] = ...) -> None: ...

class LatentStatistics(_message.Message):
    __slots__ = ("dictionary", "image_set_id", "n_images", "n_patches", "n_images_firing", "n_patches_firing", "activation_sum", "label_names", "label_entropy", "label_entropy_defined", "top_label", "top_label_share", "broken_images", "n_broken", "complete", "decoder_drift")
    DICTIONARY_FIELD_NUMBER: _ClassVar[int]
    IMAGE_SET_ID_FIELD_NUMBER: _ClassVar[int]
    N_IMAGES_FIELD_NUMBER: _ClassVar[int]
    N_PATCHES_FIELD_NUMBER: _ClassVar[int]
    N_IMAGES_FIRING_FIELD_NUMBER: _ClassVar[int]
    N_PATCHES_FIRING_FIELD_NUMBER: _ClassVar[int]
    ACTIVATION_SUM_FIELD_NUMBER: _ClassVar[int]
    LABEL_NAMES_FIELD_NUMBER: _ClassVar[int]
    LABEL_ENTROPY_FIELD_NUMBER: _ClassVar[int]
    LABEL_ENTROPY_DEFINED_FIELD_NUMBER: _ClassVar[int]
    TOP_LABEL_FIELD_NUMBER: _ClassVar[int]
    TOP_LABEL_SHARE_FIELD_NUMBER: _ClassVar[int]
    BROKEN_IMAGES_FIELD_NUMBER: _ClassVar[int]
    N_BROKEN_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    DECODER_DRIFT_FIELD_NUMBER: _ClassVar[int]
    dictionary: Dictionary
    image_set_id: str
    n_images: int
    n_patches: int
    n_images_firing: Array
    n_patches_firing: Array
    activation_sum: Array
    label_names: _containers.RepeatedScalarFieldContainer[str]
    label_entropy: Array
    label_entropy_defined: Array
    top_label: Array
    top_label_share: Array
    broken_images: _containers.RepeatedScalarFieldContainer[str]
    n_broken: int
    complete: bool
    decoder_drift: DecoderDrift
    def __init__(self, dictionary: _Optional[_Union[Dictionary, _Mapping]] = ..., image_set_id: _Optional[str] = ..., n_images: _Optional[int] = ..., n_patches: _Optional[int] = ..., n_images_firing: _Optional[_Union[Array, _Mapping]] = ..., n_patches_firing: _Optional[_Union[Array, _Mapping]] = ..., activation_sum: _Optional[_Union[Array, _Mapping]] = ..., label_names: _Optional[_Iterable[str]] = ..., label_entropy: _Optional[_Union[Array, _Mapping]] = ..., label_entropy_defined: _Optional[_Union[Array, _Mapping]] = ..., top_label: _Optional[_Union[Array, _Mapping]] = ..., top_label_share: _Optional[_Union[Array, _Mapping]] = ..., broken_images: _Optional[_Iterable[str]] = ..., n_broken: _Optional[int] = ..., complete: bool = ..., decoder_drift: _Optional[_Union[DecoderDrift, _Mapping]] = ...) -> None: ...

class DecoderDrift(_message.Message):
    __slots__ = ("since_step", "previous_step", "since", "previous")
    SINCE_STEP_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_STEP_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    since_step: int
    previous_step: int
    since: Array
    previous: Array
    def __init__(self, since_step: _Optional[int] = ..., previous_step: _Optional[int] = ..., since: _Optional[_Union[Array, _Mapping]] = ..., previous: _Optional[_Union[Array, _Mapping]] = ...) -> None: ...

class ReferenceImages(_message.Message):
    __slots__ = ("dictionary", "image_set_id", "n_images", "has_pictures", "n_map_values", "label_names", "image_names")
    DICTIONARY_FIELD_NUMBER: _ClassVar[int]
    IMAGE_SET_ID_FIELD_NUMBER: _ClassVar[int]
    N_IMAGES_FIELD_NUMBER: _ClassVar[int]
    HAS_PICTURES_FIELD_NUMBER: _ClassVar[int]
    N_MAP_VALUES_FIELD_NUMBER: _ClassVar[int]
    LABEL_NAMES_FIELD_NUMBER: _ClassVar[int]
    IMAGE_NAMES_FIELD_NUMBER: _ClassVar[int]
    dictionary: Dictionary
    image_set_id: str
    n_images: int
    has_pictures: bool
    n_map_values: int
    label_names: _containers.RepeatedScalarFieldContainer[str]
    image_names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, dictionary: _Optional[_Union[Dictionary, _Mapping]] = ..., image_set_id: _Optional[str] = ..., n_images: _Optional[int] = ..., has_pictures: bool = ..., n_map_values: _Optional[int] = ..., label_names: _Optional[_Iterable[str]] = ..., image_names: _Optional[_Iterable[str]] = ...) -> None: ...

class DecoderMap(_message.Message):
    __slots__ = ("dictionary", "method", "seed", "xy", "cluster", "firing_method", "firing_xy", "firing_cluster")
    DICTIONARY_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    XY_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_FIELD_NUMBER: _ClassVar[int]
    FIRING_METHOD_FIELD_NUMBER: _ClassVar[int]
    FIRING_XY_FIELD_NUMBER: _ClassVar[int]
    FIRING_CLUSTER_FIELD_NUMBER: _ClassVar[int]
    dictionary: Dictionary
    method: str
    seed: int
    xy: Array
    cluster: Array
    firing_method: str
    firing_xy: Array
    firing_cluster: Array
    def __init__(self, dictionary: _Optional[_Union[Dictionary, _Mapping]] = ..., method: _Optional[str] = ..., seed: _Optional[int] = ..., xy: _Optional[_Union[Array, _Mapping]] = ..., cluster: _Optional[_Union[Array, _Mapping]] = ..., firing_method: _Optional[str] = ..., firing_xy: _Optional[_Union[Array, _Mapping]] = ..., firing_cluster: _Optional[_Union[Array, _Mapping]] = ...) -> None: ...

class SaeMetrics(_message.Message):
    __slots__ = ("dictionary", "image_set_id", "n_images", "n_patches", "l0", "fvu", "n_dead", "n_dense", "dense_cutoff")
    DICTIONARY_FIELD_NUMBER: _ClassVar[int]
    IMAGE_SET_ID_FIELD_NUMBER: _ClassVar[int]
    N_IMAGES_FIELD_NUMBER: _ClassVar[int]
    N_PATCHES_FIELD_NUMBER: _ClassVar[int]
    L0_FIELD_NUMBER: _ClassVar[int]
    FVU_FIELD_NUMBER: _ClassVar[int]
    N_DEAD_FIELD_NUMBER: _ClassVar[int]
    N_DENSE_FIELD_NUMBER: _ClassVar[int]
    DENSE_CUTOFF_FIELD_NUMBER: _ClassVar[int]
    dictionary: Dictionary
    image_set_id: str
    n_images: int
    n_patches: int
    l0: float
    fvu: float
    n_dead: int
    n_dense: int
    dense_cutoff: float
    def __init__(self, dictionary: _Optional[_Union[Dictionary, _Mapping]] = ..., image_set_id: _Optional[str] = ..., n_images: _Optional[int] = ..., n_patches: _Optional[int] = ..., l0: _Optional[float] = ..., fvu: _Optional[float] = ..., n_dead: _Optional[int] = ..., n_dense: _Optional[int] = ..., dense_cutoff: _Optional[float] = ...) -> None: ...

class Outcome(_message.Message):
    __slots__ = ("result_id", "name", "created", "dictionary", "prompt", "original_run_id", "differs_from_logged", "edited_dropped", "rounded")
    RESULT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    DICTIONARY_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    DIFFERS_FROM_LOGGED_FIELD_NUMBER: _ClassVar[int]
    EDITED_DROPPED_FIELD_NUMBER: _ClassVar[int]
    ROUNDED_FIELD_NUMBER: _ClassVar[int]
    result_id: str
    name: str
    created: float
    dictionary: Dictionary
    prompt: str
    original_run_id: str
    differs_from_logged: str
    edited_dropped: bool
    rounded: bool
    def __init__(self, result_id: _Optional[str] = ..., name: _Optional[str] = ..., created: _Optional[float] = ..., dictionary: _Optional[_Union[Dictionary, _Mapping]] = ..., prompt: _Optional[str] = ..., original_run_id: _Optional[str] = ..., differs_from_logged: _Optional[str] = ..., edited_dropped: bool = ..., rounded: bool = ...) -> None: ...

class AnswerTokens(_message.Message):
    __slots__ = ("text", "token_id", "text_index", "logprob")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_INDEX_FIELD_NUMBER: _ClassVar[int]
    LOGPROB_FIELD_NUMBER: _ClassVar[int]
    text: _containers.RepeatedScalarFieldContainer[str]
    token_id: Array
    text_index: Array
    logprob: Array
    def __init__(self, text: _Optional[_Iterable[str]] = ..., token_id: _Optional[_Union[Array, _Mapping]] = ..., text_index: _Optional[_Union[Array, _Mapping]] = ..., logprob: _Optional[_Union[Array, _Mapping]] = ...) -> None: ...

class ConditionAnswer(_message.Message):
    __slots__ = ("condition", "seed", "latents", "change_norm", "tokens", "output_text", "truncated", "along_original", "along_steered")
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    LATENTS_FIELD_NUMBER: _ClassVar[int]
    CHANGE_NORM_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TEXT_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    ALONG_ORIGINAL_FIELD_NUMBER: _ClassVar[int]
    ALONG_STEERED_FIELD_NUMBER: _ClassVar[int]
    condition: Condition
    seed: int
    latents: Array
    change_norm: float
    tokens: AnswerTokens
    output_text: str
    truncated: bool
    along_original: Array
    along_steered: Array
    def __init__(self, condition: _Optional[_Union[Condition, str]] = ..., seed: _Optional[int] = ..., latents: _Optional[_Union[Array, _Mapping]] = ..., change_norm: _Optional[float] = ..., tokens: _Optional[_Union[AnswerTokens, _Mapping]] = ..., output_text: _Optional[str] = ..., truncated: bool = ..., along_original: _Optional[_Union[Array, _Mapping]] = ..., along_steered: _Optional[_Union[Array, _Mapping]] = ...) -> None: ...

class EditedLatents(_message.Message):
    __slots__ = ("patch", "latent", "before", "edited", "after")
    PATCH_FIELD_NUMBER: _ClassVar[int]
    LATENT_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    EDITED_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    patch: Array
    latent: Array
    before: Array
    edited: Array
    after: Array
    def __init__(self, patch: _Optional[_Union[Array, _Mapping]] = ..., latent: _Optional[_Union[Array, _Mapping]] = ..., before: _Optional[_Union[Array, _Mapping]] = ..., edited: _Optional[_Union[Array, _Mapping]] = ..., after: _Optional[_Union[Array, _Mapping]] = ...) -> None: ...

class PixelErasure(_message.Message):
    __slots__ = ("box", "fill")
    BOX_FIELD_NUMBER: _ClassVar[int]
    FILL_FIELD_NUMBER: _ClassVar[int]
    box: _containers.RepeatedScalarFieldContainer[float]
    fill: str
    def __init__(self, box: _Optional[_Iterable[float]] = ..., fill: _Optional[str] = ...) -> None: ...

class SteeringResult(_message.Message):
    __slots__ = ("outcome", "steered_run_id", "steering", "erasure", "answers", "edited")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    STEERED_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STEERING_FIELD_NUMBER: _ClassVar[int]
    ERASURE_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    EDITED_FIELD_NUMBER: _ClassVar[int]
    outcome: Outcome
    steered_run_id: str
    steering: str
    erasure: PixelErasure
    answers: _containers.RepeatedCompositeFieldContainer[ConditionAnswer]
    edited: EditedLatents
    def __init__(self, outcome: _Optional[_Union[Outcome, _Mapping]] = ..., steered_run_id: _Optional[str] = ..., steering: _Optional[str] = ..., erasure: _Optional[_Union[PixelErasure, _Mapping]] = ..., answers: _Optional[_Iterable[_Union[ConditionAnswer, _Mapping]]] = ..., edited: _Optional[_Union[EditedLatents, _Mapping]] = ...) -> None: ...

class AblatedCluster(_message.Message):
    __slots__ = ("name", "latents", "change_norm", "tokens", "output_text", "truncated", "along_original", "control_along_original")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LATENTS_FIELD_NUMBER: _ClassVar[int]
    CHANGE_NORM_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TEXT_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    ALONG_ORIGINAL_FIELD_NUMBER: _ClassVar[int]
    CONTROL_ALONG_ORIGINAL_FIELD_NUMBER: _ClassVar[int]
    name: str
    latents: Array
    change_norm: float
    tokens: AnswerTokens
    output_text: str
    truncated: bool
    along_original: Array
    control_along_original: Array
    def __init__(self, name: _Optional[str] = ..., latents: _Optional[_Union[Array, _Mapping]] = ..., change_norm: _Optional[float] = ..., tokens: _Optional[_Union[AnswerTokens, _Mapping]] = ..., output_text: _Optional[str] = ..., truncated: bool = ..., along_original: _Optional[_Union[Array, _Mapping]] = ..., control_along_original: _Optional[_Union[Array, _Mapping]] = ...) -> None: ...

class ClusterSweep(_message.Message):
    __slots__ = ("outcome", "original_tokens", "clusters")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CLUSTERS_FIELD_NUMBER: _ClassVar[int]
    outcome: Outcome
    original_tokens: AnswerTokens
    clusters: _containers.RepeatedCompositeFieldContainer[AblatedCluster]
    def __init__(self, outcome: _Optional[_Union[Outcome, _Mapping]] = ..., original_tokens: _Optional[_Union[AnswerTokens, _Mapping]] = ..., clusters: _Optional[_Iterable[_Union[AblatedCluster, _Mapping]]] = ...) -> None: ...

class DoseResponse(_message.Message):
    __slots__ = ("outcome", "latents", "op", "value", "original_tokens", "word", "logprob", "control_logprob", "output_text")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    LATENTS_FIELD_NUMBER: _ClassVar[int]
    OP_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_TOKENS_FIELD_NUMBER: _ClassVar[int]
    WORD_FIELD_NUMBER: _ClassVar[int]
    LOGPROB_FIELD_NUMBER: _ClassVar[int]
    CONTROL_LOGPROB_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TEXT_FIELD_NUMBER: _ClassVar[int]
    outcome: Outcome
    latents: Array
    op: str
    value: Array
    original_tokens: AnswerTokens
    word: Array
    logprob: Array
    control_logprob: Array
    output_text: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, outcome: _Optional[_Union[Outcome, _Mapping]] = ..., latents: _Optional[_Union[Array, _Mapping]] = ..., op: _Optional[str] = ..., value: _Optional[_Union[Array, _Mapping]] = ..., original_tokens: _Optional[_Union[AnswerTokens, _Mapping]] = ..., word: _Optional[_Union[Array, _Mapping]] = ..., logprob: _Optional[_Union[Array, _Mapping]] = ..., control_logprob: _Optional[_Union[Array, _Mapping]] = ..., output_text: _Optional[_Iterable[str]] = ...) -> None: ...

class WordContributions(_message.Message):
    __slots__ = ("outcome", "word", "original_tokens", "latent", "contribution", "ablated")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    WORD_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_TOKENS_FIELD_NUMBER: _ClassVar[int]
    LATENT_FIELD_NUMBER: _ClassVar[int]
    CONTRIBUTION_FIELD_NUMBER: _ClassVar[int]
    ABLATED_FIELD_NUMBER: _ClassVar[int]
    outcome: Outcome
    word: int
    original_tokens: AnswerTokens
    latent: Array
    contribution: Array
    ablated: Array
    def __init__(self, outcome: _Optional[_Union[Outcome, _Mapping]] = ..., word: _Optional[int] = ..., original_tokens: _Optional[_Union[AnswerTokens, _Mapping]] = ..., latent: _Optional[_Union[Array, _Mapping]] = ..., contribution: _Optional[_Union[Array, _Mapping]] = ..., ablated: _Optional[_Union[Array, _Mapping]] = ...) -> None: ...

class FailureItem(_message.Message):
    __slots__ = ("name", "prompt", "right_answer", "output_text", "truncated", "is_right", "is_flagged", "is_held_out", "run_id")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    RIGHT_ANSWER_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TEXT_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    IS_RIGHT_FIELD_NUMBER: _ClassVar[int]
    IS_FLAGGED_FIELD_NUMBER: _ClassVar[int]
    IS_HELD_OUT_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    name: str
    prompt: str
    right_answer: str
    output_text: str
    truncated: bool
    is_right: bool
    is_flagged: bool
    is_held_out: bool
    run_id: str
    def __init__(self, name: _Optional[str] = ..., prompt: _Optional[str] = ..., right_answer: _Optional[str] = ..., output_text: _Optional[str] = ..., truncated: bool = ..., is_right: bool = ..., is_flagged: bool = ..., is_held_out: bool = ..., run_id: _Optional[str] = ...) -> None: ...

class FailureSet(_message.Message):
    __slots__ = ("set_id", "name", "created", "dictionary", "match", "system", "max_new_tokens", "n_given", "n_items", "items")
    SET_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    DICTIONARY_FIELD_NUMBER: _ClassVar[int]
    MATCH_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    MAX_NEW_TOKENS_FIELD_NUMBER: _ClassVar[int]
    N_GIVEN_FIELD_NUMBER: _ClassVar[int]
    N_ITEMS_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    set_id: str
    name: str
    created: float
    dictionary: Dictionary
    match: str
    system: str
    max_new_tokens: int
    n_given: int
    n_items: int
    items: _containers.RepeatedCompositeFieldContainer[FailureItem]
    def __init__(self, set_id: _Optional[str] = ..., name: _Optional[str] = ..., created: _Optional[float] = ..., dictionary: _Optional[_Union[Dictionary, _Mapping]] = ..., match: _Optional[str] = ..., system: _Optional[str] = ..., max_new_tokens: _Optional[int] = ..., n_given: _Optional[int] = ..., n_items: _Optional[int] = ..., items: _Optional[_Iterable[_Union[FailureItem, _Mapping]]] = ...) -> None: ...

class SetAnswers(_message.Message):
    __slots__ = ("seed", "text_index", "is_right")
    SEED_FIELD_NUMBER: _ClassVar[int]
    TEXT_INDEX_FIELD_NUMBER: _ClassVar[int]
    IS_RIGHT_FIELD_NUMBER: _ClassVar[int]
    seed: int
    text_index: Array
    is_right: Array
    def __init__(self, seed: _Optional[int] = ..., text_index: _Optional[_Union[Array, _Mapping]] = ..., is_right: _Optional[_Union[Array, _Mapping]] = ...) -> None: ...

class SetAblation(_message.Message):
    __slots__ = ("outcome", "set_id", "chosen_on", "latents", "is_held_out", "n_firing", "text", "original", "ablated", "controls")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    SET_ID_FIELD_NUMBER: _ClassVar[int]
    CHOSEN_ON_FIELD_NUMBER: _ClassVar[int]
    LATENTS_FIELD_NUMBER: _ClassVar[int]
    IS_HELD_OUT_FIELD_NUMBER: _ClassVar[int]
    N_FIRING_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_FIELD_NUMBER: _ClassVar[int]
    ABLATED_FIELD_NUMBER: _ClassVar[int]
    CONTROLS_FIELD_NUMBER: _ClassVar[int]
    outcome: Outcome
    set_id: str
    chosen_on: str
    latents: Array
    is_held_out: Array
    n_firing: Array
    text: _containers.RepeatedScalarFieldContainer[str]
    original: SetAnswers
    ablated: SetAnswers
    controls: _containers.RepeatedCompositeFieldContainer[SetAnswers]
    def __init__(self, outcome: _Optional[_Union[Outcome, _Mapping]] = ..., set_id: _Optional[str] = ..., chosen_on: _Optional[str] = ..., latents: _Optional[_Union[Array, _Mapping]] = ..., is_held_out: _Optional[_Union[Array, _Mapping]] = ..., n_firing: _Optional[_Union[Array, _Mapping]] = ..., text: _Optional[_Iterable[str]] = ..., original: _Optional[_Union[SetAnswers, _Mapping]] = ..., ablated: _Optional[_Union[SetAnswers, _Mapping]] = ..., controls: _Optional[_Iterable[_Union[SetAnswers, _Mapping]]] = ...) -> None: ...

class TruthFigure(_message.Message):
    __slots__ = ("measure", "setting", "is_default", "value", "low", "high", "n", "n_pictures", "difference", "difference_low", "difference_high")
    MEASURE_FIELD_NUMBER: _ClassVar[int]
    SETTING_FIELD_NUMBER: _ClassVar[int]
    IS_DEFAULT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    N_PICTURES_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCE_LOW_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCE_HIGH_FIELD_NUMBER: _ClassVar[int]
    measure: str
    setting: str
    is_default: bool
    value: float
    low: float
    high: float
    n: int
    n_pictures: int
    difference: float
    difference_low: float
    difference_high: float
    def __init__(self, measure: _Optional[str] = ..., setting: _Optional[str] = ..., is_default: bool = ..., value: _Optional[float] = ..., low: _Optional[float] = ..., high: _Optional[float] = ..., n: _Optional[int] = ..., n_pictures: _Optional[int] = ..., difference: _Optional[float] = ..., difference_low: _Optional[float] = ..., difference_high: _Optional[float] = ...) -> None: ...

class HeadAttention(_message.Message):
    __slots__ = ("outcome", "query_position", "layers", "n_heads", "n_image_tokens", "difference")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    QUERY_POSITION_FIELD_NUMBER: _ClassVar[int]
    LAYERS_FIELD_NUMBER: _ClassVar[int]
    N_HEADS_FIELD_NUMBER: _ClassVar[int]
    N_IMAGE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    outcome: Outcome
    query_position: Array
    layers: _containers.RepeatedScalarFieldContainer[int]
    n_heads: int
    n_image_tokens: int
    difference: float
    def __init__(self, outcome: _Optional[_Union[Outcome, _Mapping]] = ..., query_position: _Optional[_Union[Array, _Mapping]] = ..., layers: _Optional[_Iterable[int]] = ..., n_heads: _Optional[int] = ..., n_image_tokens: _Optional[int] = ..., difference: _Optional[float] = ...) -> None: ...

class TruthReport(_message.Message):
    __slots__ = ("dictionary", "items", "created", "seed", "n_pictures", "n_words", "n_learned", "n_labels", "figures")
    DICTIONARY_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    N_PICTURES_FIELD_NUMBER: _ClassVar[int]
    N_WORDS_FIELD_NUMBER: _ClassVar[int]
    N_LEARNED_FIELD_NUMBER: _ClassVar[int]
    N_LABELS_FIELD_NUMBER: _ClassVar[int]
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    dictionary: Dictionary
    items: str
    created: float
    seed: int
    n_pictures: int
    n_words: int
    n_learned: int
    n_labels: int
    figures: _containers.RepeatedCompositeFieldContainer[TruthFigure]
    def __init__(self, dictionary: _Optional[_Union[Dictionary, _Mapping]] = ..., items: _Optional[str] = ..., created: _Optional[float] = ..., seed: _Optional[int] = ..., n_pictures: _Optional[int] = ..., n_words: _Optional[int] = ..., n_learned: _Optional[int] = ..., n_labels: _Optional[int] = ..., figures: _Optional[_Iterable[_Union[TruthFigure, _Mapping]]] = ...) -> None: ...

class CheckedPlace(_message.Message):
    __slots__ = ("name", "is_hook", "is_read", "fvu", "slope", "l0", "n_dead", "n_dense", "mean_strength")
    NAME_FIELD_NUMBER: _ClassVar[int]
    IS_HOOK_FIELD_NUMBER: _ClassVar[int]
    IS_READ_FIELD_NUMBER: _ClassVar[int]
    FVU_FIELD_NUMBER: _ClassVar[int]
    SLOPE_FIELD_NUMBER: _ClassVar[int]
    L0_FIELD_NUMBER: _ClassVar[int]
    N_DEAD_FIELD_NUMBER: _ClassVar[int]
    N_DENSE_FIELD_NUMBER: _ClassVar[int]
    MEAN_STRENGTH_FIELD_NUMBER: _ClassVar[int]
    name: str
    is_hook: bool
    is_read: bool
    fvu: float
    slope: float
    l0: float
    n_dead: int
    n_dense: int
    mean_strength: float
    def __init__(self, name: _Optional[str] = ..., is_hook: bool = ..., is_read: bool = ..., fvu: _Optional[float] = ..., slope: _Optional[float] = ..., l0: _Optional[float] = ..., n_dead: _Optional[int] = ..., n_dense: _Optional[int] = ..., mean_strength: _Optional[float] = ...) -> None: ...

class CheckedReading(_message.Message):
    __slots__ = ("decision", "words", "fvu", "slope", "better", "is_clear")
    DECISION_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    FVU_FIELD_NUMBER: _ClassVar[int]
    SLOPE_FIELD_NUMBER: _ClassVar[int]
    BETTER_FIELD_NUMBER: _ClassVar[int]
    IS_CLEAR_FIELD_NUMBER: _ClassVar[int]
    decision: str
    words: str
    fvu: float
    slope: float
    better: float
    is_clear: bool
    def __init__(self, decision: _Optional[str] = ..., words: _Optional[str] = ..., fvu: _Optional[float] = ..., slope: _Optional[float] = ..., better: _Optional[float] = ..., is_clear: bool = ...) -> None: ...

class CheckedMeasure(_message.Message):
    __slots__ = ("name", "value", "expected", "outcome")
    class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        NONE: _ClassVar[CheckedMeasure.Outcome]
        AS_EXPECTED: _ClassVar[CheckedMeasure.Outcome]
        UNEXPECTED: _ClassVar[CheckedMeasure.Outcome]
        UNDECIDED: _ClassVar[CheckedMeasure.Outcome]
    NONE: CheckedMeasure.Outcome
    AS_EXPECTED: CheckedMeasure.Outcome
    UNEXPECTED: CheckedMeasure.Outcome
    UNDECIDED: CheckedMeasure.Outcome
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: float
    expected: str
    outcome: CheckedMeasure.Outcome
    def __init__(self, name: _Optional[str] = ..., value: _Optional[float] = ..., expected: _Optional[str] = ..., outcome: _Optional[_Union[CheckedMeasure.Outcome, str]] = ...) -> None: ...

class SaeCheck(_message.Message):
    __slots__ = ("dictionary", "images", "created", "n_images", "n_tokens", "right", "verdict", "remedies", "places", "readings", "measures", "prompt", "n_asked", "n_kept")
    DICTIONARY_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    N_IMAGES_FIELD_NUMBER: _ClassVar[int]
    N_TOKENS_FIELD_NUMBER: _ClassVar[int]
    RIGHT_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    REMEDIES_FIELD_NUMBER: _ClassVar[int]
    PLACES_FIELD_NUMBER: _ClassVar[int]
    READINGS_FIELD_NUMBER: _ClassVar[int]
    MEASURES_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    N_ASKED_FIELD_NUMBER: _ClassVar[int]
    N_KEPT_FIELD_NUMBER: _ClassVar[int]
    dictionary: Dictionary
    images: str
    created: float
    n_images: int
    n_tokens: int
    right: bool
    verdict: str
    remedies: _containers.RepeatedScalarFieldContainer[str]
    places: _containers.RepeatedCompositeFieldContainer[CheckedPlace]
    readings: _containers.RepeatedCompositeFieldContainer[CheckedReading]
    measures: _containers.RepeatedCompositeFieldContainer[CheckedMeasure]
    prompt: str
    n_asked: int
    n_kept: int
    def __init__(self, dictionary: _Optional[_Union[Dictionary, _Mapping]] = ..., images: _Optional[str] = ..., created: _Optional[float] = ..., n_images: _Optional[int] = ..., n_tokens: _Optional[int] = ..., right: bool = ..., verdict: _Optional[str] = ..., remedies: _Optional[_Iterable[str]] = ..., places: _Optional[_Iterable[_Union[CheckedPlace, _Mapping]]] = ..., readings: _Optional[_Iterable[_Union[CheckedReading, _Mapping]]] = ..., measures: _Optional[_Iterable[_Union[CheckedMeasure, _Mapping]]] = ..., prompt: _Optional[str] = ..., n_asked: _Optional[int] = ..., n_kept: _Optional[int] = ...) -> None: ...

class DictionaryMatch(_message.Message):
    __slots__ = ("dictionary", "other", "created", "forward_latent", "forward_cosine", "backward_latent", "backward_cosine")
    DICTIONARY_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    FORWARD_LATENT_FIELD_NUMBER: _ClassVar[int]
    FORWARD_COSINE_FIELD_NUMBER: _ClassVar[int]
    BACKWARD_LATENT_FIELD_NUMBER: _ClassVar[int]
    BACKWARD_COSINE_FIELD_NUMBER: _ClassVar[int]
    dictionary: Dictionary
    other: Dictionary
    created: float
    forward_latent: Array
    forward_cosine: Array
    backward_latent: Array
    backward_cosine: Array
    def __init__(self, dictionary: _Optional[_Union[Dictionary, _Mapping]] = ..., other: _Optional[_Union[Dictionary, _Mapping]] = ..., created: _Optional[float] = ..., forward_latent: _Optional[_Union[Array, _Mapping]] = ..., forward_cosine: _Optional[_Union[Array, _Mapping]] = ..., backward_latent: _Optional[_Union[Array, _Mapping]] = ..., backward_cosine: _Optional[_Union[Array, _Mapping]] = ...) -> None: ...
