"""Names of people in Chinese text, and whether a passage gives somebody another name. Pure.

Nothing sets a name apart from the words around it, so it is known by its surname and by what
stands before it: who somebody is, or that somebody is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_HAN: Final = "[\u3400-\u9fff]"
_SURNAMES: Final = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭"
    "郎鲁韦昌马苗凤花方俞任袁柳鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于傅皮卞齐康伍余元卜顾孟平黄"
    "穆萧尹姚邵湛汪祁毛狄米贝明臧计伏成戴谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅"
    "盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯管卢莫房裘缪干解应宗丁宣邓郁单杭洪包诸左石崔吉龚程邢裴陆"
    "荣翁荀羊甄曲封储靳段富巫乌焦巴弓牧山谷车侯全班仰秋仲伊宫宁仇栾厉戎祖武符刘景詹束龙叶幸司韶黎薄"
    "白怀蒲从鄂索籍赖卓蔺屠蒙池乔闻翟谭冉桑桂牛边燕冀尚农温庄晏柴瞿阎慕连习艾鱼容向古易慎戈廖庾居衡"
    "步都耿满弘匡国文寇广欧沃利师巩聂关荆游竺权盖益桓公闫肖付涂覃"
)
_DOUBLE: Final = "欧阳|司马|上官|诸葛|闻人|东方|皇甫|尉迟|公孙|令狐|慕容|夏侯|司徒|端木|南宫|独孤"
_ROLE: Final = (
    r"(?:教师|老师|医生|医师|工程师|设计师|律师|会计|经理|主任|馆长|店长|社长|校长|院长|部长|处长|站长|"
    r"所长|局长|厂长|队长|组长|理事长|董事长|秘书长|总监|监督|导演|教授|博士|院士|主席|总统|市长|县长|"
    r"秘书|讲师|队员|主持人|主讲人|负责人|联系人|养蜂人|创办人|发言人|作者|船长|管理员|专员|干事)"
    r"(?:是|为|叫|由|：|:)?|[是为由叫]|联系[^，。；]{0,8}?的|联系|找|请|属于"
)
_END: Final = (
    r"(?=[^\u3400-\u9fff]|$|负责|主持|主讲|担任|批准|设计|创办|管理|审批|签字|接听|带队|先生|女士|老师|教授|"
    r"医生|和|与|、|的|说)"
)
_NAMED: Final = re.compile(
    rf"(?:{_ROLE})(?P<name>(?:{_DOUBLE}){_HAN}{{1,2}}?|[{_SURNAMES}]{_HAN}{{1,2}}?){_END}"
)
_FIRST: Final = re.compile(
    rf"(?:^|(?<=[，。；、,;]))(?P<name>(?:{_DOUBLE}){_HAN}{{1,2}}?|[{_SURNAMES}]{_HAN}{{1,2}}?)"
    r"(?=负责|主持|主讲|担任|批准|设计|创办|管理|审批|是[^，。；]{0,6}[师长人员理])"
)


def han_names(folded: str) -> frozenset[str]:
    """What are names of people, as far as it can be told."""
    found = (match["name"] for of in (_NAMED, _FIRST) for match in of.finditer(folded))
    return frozenset(name for name in found if len(name) > 1)


def is_misnamed(names: Iterable[str], text: str) -> bool:
    """Whether one of the names is not in the text, but one with all letters but one is."""
    return any(name not in text and _is_near(name, text) for name in names)


def _is_near(name: str, text: str) -> bool:
    if len(name) < 3:
        return False
    letters = [re.escape(letter) for letter in name]
    forms = ("".join([*letters[:n], _HAN, *letters[n + 1 :]]) for n in range(len(letters)))
    return re.search("|".join(forms), text) is not None
