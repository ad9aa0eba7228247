"""Names, places and firms the simulated people are made of; all invented."""

from typing import NamedTuple

from tenure.language import Words


class City(NamedTuple):
    name: str
    region: str
    team: str
    weight: float


class Team(NamedTuple):
    name: str
    words: Words
    owners: tuple[str, str]


TEAMS: tuple[Team, ...] = (
    Team("North", Words("North", "华北"), ("amy", "bo")),
    Team("East", Words("East", "华东"), ("chen", "dee")),
    Team("South", Words("South", "华南"), ("fang", "gu")),
)

CITIES: tuple[City, ...] = (
    City("北京", "北京", "North", 9),
    City("天津", "天津", "North", 6),
    City("石家庄", "河北", "North", 6),
    City("太原", "山西", "North", 5),
    City("上海", "上海", "East", 10),
    City("杭州", "浙江", "East", 9),
    City("宁波", "浙江", "East", 6),
    City("南京", "江苏", "East", 7),
    City("苏州", "江苏", "East", 7),
    City("合肥", "安徽", "East", 5),
    City("广州", "广东", "South", 9),
    City("深圳", "广东", "South", 9),
    City("东莞", "广东", "South", 5),
    City("南宁", "广西", "South", 4),
    City("海口", "海南", "South", 3),
    City("香港", "香港", "South", 2),
)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((part.split(":")[0], part.split(":")[1]) for part in text.split())


# Surname, pinyin, bearers among 500: about as common as they really are.
_SURNAMES = _listed("""王:wang:72 李:li:71 张:zhang:68 刘:liu:52 陈:chen:46 杨:yang:31 黄:huang:23 赵:zhao:22 吴:wu:20 周:zhou:20
徐:xu:15 孙:sun:15 马:ma:13 朱:zhu:13 胡:hu:12 郭:guo:12 何:he:11 林:lin:11 高:gao:10 罗:luo:10 郑:zheng:9 梁:liang:8 谢:xie:7
宋:song:7 唐:tang:7 许:xu:7 韩:han:6 冯:feng:6 邓:deng:6 曹:cao:6 彭:peng:5 曾:zeng:5 肖:xiao:5 田:tian:5 董:dong:5 袁:yuan:4
潘:pan:4 于:yu:4 蒋:jiang:4 蔡:cai:4 余:yu:4 杜:du:4 叶:ye:4 程:cheng:4 欧阳:ouyang:1 上官:shangguan:1""")
SURNAMES = tuple((s.split(":")[0], s.split(":")[1], float(s.split(":")[2])) for s in _SURNAMES)

GIVEN_MALE = _pairs(
    "伟:wei 强:qiang 磊:lei 军:jun 洋:yang 勇:yong 杰:jie 涛:tao 明:ming 超:chao 刚:gang 平:ping 辉:hui 鹏:peng 华:hua 飞:fei "
    "鑫:xin 波:bo 斌:bin 宇:yu 浩:hao 凯:kai 健:jian 俊:jun 帆:fan 志:zhi 建:jian 国:guo 文:wen 子:zi 晨:chen 轩:xuan 小:xiao 晓:xiao"
)
GIVEN_FEMALE = _pairs(
    "芳:fang 娜:na 敏:min 静:jing 丽:li 艳:yan 娟:juan 霞:xia 秀:xiu 英:ying 玲:ling 桂:gui 红:hong 燕:yan 梅:mei 莉:li 婷:ting "
    "雪:xue 慧:hui 倩:qian 颖:ying 琳:lin 欣:xin 怡:yi 佳:jia 雨:yu 梦:meng 思:si 晓:xiao 小:xiao"
)
# What a clerk who only hears a name writes instead.
HOMOPHONES = dict(
    _pairs(
        "明:铭 晓:小 小:晓 丽:莉 莉:丽 静:婧 杰:洁 伟:玮 军:均 辉:晖 华:桦 英:瑛 红:虹 燕:艳 艳:燕 佳:嘉 欣:昕 浩:皓 俊:骏 飞:菲 宇:雨 "
        "雨:宇 建:健 健:建 强:蔷 磊:蕾 娜:纳 敏:闽 芳:方 霞:侠 志:智 文:雯 子:梓 平:萍 婷:庭 慧:惠 鹏:朋 波:博 颖:影"
    )
)

FIRST_MALE = _listed(
    "James John Robert Michael David William Thomas Daniel Paul Mark George Peter Simon Oliver Henry Jack"
)
FIRST_FEMALE = _listed("Mary Emma Sarah Laura Anna Julia Helen Claire Alice Grace Lucy Sophie Nina Kate Rachel Olivia")
LAST = _listed(
    "Smith Jones Taylor Brown Wilson Evans Walker Wright Robinson Thompson White Hughes Green Hall Wood Harris Clark "
    "Jackson Turner Hill Cooper Ward Morris Moore Lee King Baker Allen Young Mitchell"
)

FIRM_CORES = _listed(
    "云帆 海川 天启 恒信 博远 华腾 新域 金石 正大 泰和 瑞丰 明德 宏图 东方 蓝海 银河 长风 三元 百盛 众合"
)
FIRM_TAILS: tuple[tuple[str, str], ...] = (
    ("科技有限公司", "软件与信息服务"),
    ("贸易有限公司", "批发零售"),
    ("物流有限公司", "交通运输"),
    ("制造有限公司", "制造业"),
    ("餐饮管理有限公司", "住宿餐饮"),
    ("建设集团", "建筑业"),
)
OFFICES = _listed("政务服务中心 税务局 交通运输局 教育局 市场监督管理局")
INSTITUTIONS = _listed("第一人民医院 实验中学 图书馆 职业技术学院 博物馆")
STREETS = _listed("文三路 人民路 解放大道 中山北路 建设路 和平街 新华路 滨江大道 学院路 科技园路")
TITLES: tuple[tuple[str, str], ...] = (
    ("总经理", "decides"),
    ("信息部经理", "influences"),
    ("采购经理", "buys"),
    ("运维工程师", "uses"),
)
MOBILE_PREFIXES = _listed(
    "130 131 132 135 136 137 138 139 150 151 152 157 158 159 166 176 180 181 182 183 185 186 187 188 189"
)
