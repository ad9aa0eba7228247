from tenure.contracts._shared import CUSTOMER
from tenure.contracts.base import Column, Contract
from tenure.language import Words

opportunity_stages = Contract(
    name="opportunity_stages",
    words=Words("Opportunity stages", "商机阶段"),
    meaning=Words("When each deal entered each stage", "每个商机进入各阶段的时间"),
    key=("opportunity_id", "stage", "entered_at"),
    valid_at="entered_at",
    columns=(
        Column(
            "opportunity_id",
            "text",
            Words("Opportunity", "商机编号"),
            Words("The deal's number", "商机编号"),
            required=True,
            example="D-1",
            aliases=("opportunity", "deal_id", "deal", "商机ID"),
        ),
        # Said again here, so that a stage is seen by those who may see its customer, and by nobody else.
        CUSTOMER,
        Column(
            "stage",
            "text",
            Words("Stage", "阶段"),
            Words("Which stage it entered", "进入的阶段"),
            required=True,
            example="proposal",
            aliases=("stage_name", "deal_stage", "阶段名称"),
        ),
        Column(
            "entered_at",
            "instant",
            Words("Entered", "进入时间"),
            Words("When it entered the stage", "进入该阶段的时间"),
            required=True,
            example="2026-03-01",
            aliases=("changed_at", "stage_date", "date", "进入日期"),
        ),
    ),
)
