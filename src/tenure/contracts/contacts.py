from tenure.contracts._shared import CUSTOMER
from tenure.contracts.base import Column, Contract
from tenure.language import Words

contacts = Contract(
    name="contacts",
    words=Words("Contacts", "联系人"),
    meaning=Words("People to talk to at an organisation", "机构客户中的联系人"),
    key=("contact_id",),
    valid_at="updated_at",
    fact=False,
    columns=(
        Column(
            "contact_id",
            "text",
            Words("Contact", "联系人编号"),
            Words("The contact's number", "联系人编号"),
            example="K-1",
            aliases=("contact", "联系人ID"),
        ),
        CUSTOMER,
        Column(
            "name",
            "text",
            Words("Name", "姓名"),
            Words("What the contact is called", "联系人姓名"),
            personal="identifier",
            example="李娜",
            aliases=("contact_name", "full_name", "联系人姓名"),
        ),
        Column(
            "title",
            "text",
            Words("Title", "职务"),
            Words("Job title", "职务"),
            example="采购经理",
            aliases=("job_title", "position", "职位"),
        ),
        Column(
            "role",
            "text",
            Words("Role", "决策角色"),
            Words("Part in the decision: decides, influences, uses, buys", "在决策中的角色：决策、影响、使用、采购"),
            example="decides",
            aliases=("decision_role",),
        ),
        Column(
            "phone",
            "text",
            Words("Phone", "电话"),
            Words("Telephone number", "电话号码"),
            personal="identifier",
            example="13900139000",
            aliases=("mobile", "tel", "手机", "手机号"),
        ),
        Column(
            "email",
            "text",
            Words("E-mail", "邮箱"),
            Words("E-mail address", "电子邮箱"),
            personal="identifier",
            example="na@example.com",
            aliases=("mail", "电子邮箱"),
        ),
        Column(
            "updated_at",
            "instant",
            Words("Updated", "更新时间"),
            Words("When the source last changed this row", "来源系统最后修改本行的时间"),
            aliases=("modified_at", "修改时间"),
        ),
    ),
)
